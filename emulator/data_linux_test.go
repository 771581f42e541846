package emulator_test

import (
	"context"
	"syscall"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestFullDataFolder: a function that can't be saved is answered with an error, and the
// others are there after a restart.
func TestFullDataFolder(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	o := emulator.Options{DataDir: dir, WorkDir: t.TempDir()}
	b := newBed(t, o)
	create := func(name string, code []byte) error {
		_, err := b.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
			FunctionName: &name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::123456789012:role/r"),
			Code: &types.FunctionCode{ZipFile: code},
		})
		return err
	}
	if err := create("small", bootstrapZip(t)); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 512<<10)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	if err := create("large", zipOf(t, "bootstrap", string(noise), 0o755)); err == nil {
		t.Error("512 kB were saved on 256 kB")
	} else {
		t.Log(err)
	}
	o.WorkDir = t.TempDir()
	b = b.restart(o)
	list := must[*lambda.ListFunctionsOutput](t)(b.lambda.ListFunctions(context.Background(), &lambda.ListFunctionsInput{})).Functions
	if len(list) != 1 || *list[0].FunctionName != "small" {
		t.Errorf("after a restart: %d functions", len(list))
	}
}
