package emulator_test

import (
	"archive/zip"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// smallDisk is a folder of a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=755"); err != nil {
		t.Skipf("a file system can't be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: code that does not fit is refused and leaves nothing; a function
// that fills its /tmp is told so; others go on, and the room comes back.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	b := newBed(t, emulator.Options{WorkDir: smallDisk(t, "2m")})
	large := hostileZip(t, zip.FileHeader{Name: "zeros"}, make([]byte, 8<<20))
	b.beside(func() {
		var api smithy.APIError
		if err := b.upload("fn", large); !errors.As(err, &api) || api.ErrorCode() != "ServiceException" || !strings.Contains(api.ErrorMessage(), "no space left on device") {
			t.Errorf("8 MB of code on a disk of 2 MB: %v", err)
		}
		if err := b.upload("fn", bootstrapZip(t)); err != nil {
			t.Errorf("after it: %v", err)
		}
		if a, err := b.try("fn", order{Do: "fill"}); err != nil || !strings.Contains(a.payload, "no space left on device") {
			t.Errorf("a full /tmp: %+v, %v", a, err)
		}
		b.served("2")
		if _, err := b.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
			t.Error(err)
		}
		eventually(t, "room again", func() bool { return b.upload("fn", bootstrapZip(t)) == nil })
		b.served("1")
	})
}
