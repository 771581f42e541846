package record

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// killedDir is the variable that makes this test binary a writer.
const killedDir = "COLDBENCH_TEST_WRITE_UNTIL_KILLED"

func writeUntilKilled(dir string) {
	w, err := Create(dir, testPlan(1<<40))
	if err != nil {
		panic(err)
	}
	for seq := int64(0); ; seq++ {
		row := typicalRow(seq % (1 << 30))
		row.Seq = seq
		if err := w.Record(&row); err != nil {
			panic(err)
		}
	}
}

func TestAKilledWriterLeavesAReadableRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Skip("the path of the test binary is not known:", err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	child := exec.Command(self)
	child.Env = append(os.Environ(), killedDir+"="+dir)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Skip("no child process can be started:", err)
	}
	over := make(chan struct{})
	go func() {
		_ = child.Wait() // reports the signal
		close(over)
	}()
	for size := int64(0); size < 200_000; {
		if info, err := os.Stat(filepath.Join(dir, RowsFile)); err == nil {
			size = info.Size()
		}
		select {
		case <-over:
			t.Fatal("the writer ended by itself")
		default:
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-over
	rows, codes := readRun(t, dir)
	for i, r := range rows {
		if r.Seq != int64(i) {
			t.Fatalf("row %d has position %d", i, r.Seq)
		}
	}
	if len(rows) < 1000 || !slices.Contains(codes, "never_closed") {
		t.Errorf("%d rows, warnings %q", len(rows), codes)
	}
}
