package emulator_test

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coldbench/emulator"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
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

// crowd fills a disk but for its directories, and gives a function that makes room
// again.
func crowd(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "work", "crowd")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestFullDiskRefusesEvents: one that can't be saved is not accepted, and not run;
// others are served meanwhile.
func TestFullDiskRefusesEvents(t *testing.T) {
	dir := smallDisk(t, "1m")
	b := newBed(t, emulator.Options{DataDir: dir, WorkDir: t.TempDir()})
	b.install(emulator.LocalFunction{})
	b.beside(func() {
		if err := os.MkdirAll(filepath.Join(dir, "work"), 0o700); err != nil {
			t.Fatal(err)
		}
		free := crowd(t, dir)
		var api smithy.APIError
		if err := b.send(order{Do: "print", Text: "lost"}); !errors.As(err, &api) || api.ErrorCode() != "ServiceException" || !strings.Contains(api.ErrorMessage(), "no space left on device") {
			t.Errorf("an event on a full disk: %v", err)
		}
		free()
		if err := b.send(order{Do: "print", Text: "kept"}); err != nil {
			t.Errorf("after it: %v", err)
		}
		b.idle(dir)
		if log := strings.Join(b.events(), ""); strings.Contains(log, "lost\n") || strings.Count(log, "kept\n") != 1 {
			t.Errorf("ran: %q", log)
		}
	})
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

// TestFullImageCache: an image that does not fit makes its function Failed with
// one clear reason, and leaves nothing; a smaller one fits then.
func TestFullImageCache(t *testing.T) {
	cache := smallDisk(t, "1m")
	h := newHub(t)
	b := newBed(t, emulator.Options{Sandbox: onPaper{}, ImageCache: cache})
	large, _ := h.push("team/large:v1", withFile(t, withFile(t, tiny(t, "one"), "a", strings.Repeat("a", 3<<20)), "b", strings.Repeat("b", 3<<20)))
	if _, err := b.createImage("large", large, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the pull", func() bool { return b.get("large").Configuration.State != types.StatePending })
	got := b.get("large").Configuration
	want := "pull image " + large + ": no space left on the disk of the image cache " + cache + ": free some, or name a folder elsewhere"
	if got.State != types.StateFailed || got.StateReasonCode != types.StateReasonCodeInternalError || aws.ToString(got.StateReason) != want {
		t.Errorf("%s, %s: %s", got.State, got.StateReasonCode, aws.ToString(got.StateReason))
	}
	for _, dir := range []string{"tmp", "trees"} { // the other layer may still be on its way
		eventually(t, "nothing left in "+dir, func() bool {
			left, err := os.ReadDir(filepath.Join(cache, dir))
			return err == nil && len(left) == 0
		})
	}
	small, _ := h.push("team/small:v1", tiny(t, "two"))
	if _, err := b.createImage("small", small, nil); err != nil {
		t.Fatal(err)
	}
	b.waitActive("small")
}
