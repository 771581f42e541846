package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"coldbench/emulator/unpack"
)

// store unpacks a deployment package, or the archive of a layer.
func (s *Server) store(c *codeRequest) (*code, *apiError) {
	switch {
	case c.S3Bucket != "":
		b, err := s.fetch(c)
		if err != nil {
			return nil, err
		}
		return s.storeZip(b)
	case len(c.ZipFile) == 0:
		return nil, invalidParameter("Please provide a source for function code.")
	case len(c.ZipFile) > maxZip:
		return nil, tooLarge("Zipped size must be smaller than %d bytes", maxZip)
	}
	return s.storeZip(c.ZipFile)
}

func (s *Server) storeZip(b []byte) (*code, *apiError) {
	sum := sha256.Sum256(b)
	id := randomHex(16)
	dir := filepath.Join(s.set.WorkDir, "code", id)
	n, err := unpack.Zip(bytes.NewReader(b), int64(len(b)), dir, unpack.Limits{})
	if err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
		var refused *unpack.Error
		if errors.As(err, &refused) {
			s.set.Logger.Info("deployment package refused", "error", err)
			return nil, invalidParameter("%s", refused.LambdaMessage())
		}
		return nil, serviceError("%v", err)
	}
	c := &code{
		dir: dir, owned: true, zip: b, size: int64(len(b)), unzipped: n, id: id,
		sha256: base64.StdEncoding.EncodeToString(sum[:]), forget: func() { s.downloads.Delete(id) },
	}
	s.downloads.Store(id, c)
	return c, nil
}

// fetch reads an object of the folder that stands in for S3: DIR/bucket/key.
// The errors are those of a bucket or key that does not exist, as recorded in
// November 2025. Keys that would leave the bucket's folder do not exist.
func (s *Server) fetch(c *codeRequest) ([]byte, *apiError) {
	refused := func(code, text string) *apiError {
		return invalidParameter("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", code, text)
	}
	noBucket := refused("NoSuchBucket", "The specified bucket does not exist")
	if s.set.S3Dir == "" || !filepath.IsLocal(c.S3Bucket) || filepath.Base(c.S3Bucket) != c.S3Bucket {
		return nil, noBucket
	}
	if c.S3ObjectVersion != "" && c.S3ObjectVersion != "null" {
		// Unversioned buckets have objects of version "null" only.
		return nil, refused("NoSuchVersion", "The specified version does not exist.")
	}
	bucket, err := os.OpenRoot(filepath.Join(s.set.S3Dir, c.S3Bucket))
	if err != nil {
		return nil, noBucket
	}
	defer func() { _ = bucket.Close() }()
	key := filepath.Clean("./" + c.S3Key)
	info, err := bucket.Stat(key)
	switch {
	case err != nil, !info.Mode().IsRegular():
		return nil, refused("NoSuchKey", "The specified key does not exist.")
	case info.Size() > unpack.DefaultMaxBytes:
		return nil, invalidParameter("Unzipped size must be smaller than %d bytes", int64(unpack.DefaultMaxBytes))
	}
	b, err := fs.ReadFile(bucket.FS(), key)
	if err != nil {
		return nil, serviceError("read %s of bucket %s: %v", c.S3Key, c.S3Bucket, err)
	}
	return b, nil
}

const codePrefix = "/lambda-code/"

// codeLocation is where a client can download a package: from this server, by
// an address that nobody guesses. That of a function on this machine is its
// folder.
func codeLocation(r *http.Request, c *code) string {
	if c.id == "" {
		return "file://" + c.dir
	}
	return "http://" + r.Host + codePrefix + c.id
}

// serveCode downloads a package.
func (s *Server) serveCode(w http.ResponseWriter, r *http.Request) {
	c, ok := s.downloads.Load(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	// A client that has gone away is no concern of the server.
	_, _ = w.Write(c.(*code).zip)
}
