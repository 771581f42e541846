package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coldbench/record"
)

// File names within a run directory.
const (
	HTMLFile        = "report.html"
	MarkdownFile    = "report.md"
	SummaryFile     = "summary.json"
	PercentilesFile = "percentiles.svg"
	TimelineFile    = "timeline.svg"
)

// WriteFiles writes the report into a folder that exists: the page, the
// Markdown with its two pictures, summary.json, and the distribution of the
// response time of all, cold and warm requests that ended well in the .hgrm
// form of HdrHistogram (at an address that is no function, all alone). Each file is complete or not there: it is written
// beside its place and moved. All files are tried; the error joins what failed.
func (r *Report) WriteFiles(dir string) error {
	type file struct {
		name  string
		write func(io.Writer) error
	}
	files := []file{
		{HTMLFile, r.WriteHTML},
		{MarkdownFile, r.WriteMarkdown},
		{SummaryFile, r.WriteJSON},
		{PercentilesFile, func(w io.Writer) error { return writeString(w, r.PercentilesSVG()) }},
		{TimelineFile, func(w io.Writer) error { return writeString(w, r.TimelineSVG()) }},
		{"response_all.hgrm", r.hgrm("")},
	}
	for _, s := range []record.Start{record.StartCold, record.StartWarm} {
		if r.knownStarts() > 0 || !r.Plan.OverHTTP() {
			files = append(files, file{"response_" + string(s) + ".hgrm", r.hgrm(s)})
		}
	}
	var errs []error
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			errs = append(errs, fmt.Errorf("write report: %w", err))
		}
	}
	return errors.Join(errs...)
}

func writeString(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

// hgrm writes the distribution of response times in ms.
func (r *Report) hgrm(s record.Start) func(io.Writer) error {
	return func(w io.Writer) error {
		if d := r.numbers("response", s).dist; d != nil {
			return d.WriteHgrm(w, 1)
		}
		return nil
	}
}

// writeFile writes through a temporary name, so that a reader never meets half
// a file.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, errors.Join(err, os.Remove(f.Name())))
		}
	}()
	b := bufio.NewWriter(f)
	err = write(b)
	err = errors.Join(err, b.Flush(), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
