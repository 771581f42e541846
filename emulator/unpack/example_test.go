package unpack_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"

	"coldbench/emulator/unpack"
)

// An archive that tries to leave its folder is refused before anything is
// written.
func ExampleZip() {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, name := range []string{"index.js", "../../etc/cron.d/evil"} {
		if _, err := z.Create(name); err != nil {
			fmt.Println(err)
		}
	}
	if err := z.Close(); err != nil {
		fmt.Println(err)
	}
	dir, err := os.MkdirTemp("", "code")
	if err != nil {
		fmt.Println(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	_, err = unpack.Zip(bytes.NewReader(archive.Bytes()), int64(archive.Len()), dir, unpack.Limits{})
	fmt.Println(err)
	// Output:
	// unpack zip: entry "../../etc/cron.d/evil": its path holds "..", which leaves the folder
}
