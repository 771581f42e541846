package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"coldbench/emulator"
	"coldbench/emulator/images"
)

// localImages are the prefixes of references to files of this machine.
var localImages = []string{"oci:", "docker-archive:"}

// imageReference is --image with the paths of files made absolute: the built-in
// Lambda may run in another folder.
func (c *codeFlags) imageReference() (string, error) {
	for _, prefix := range localImages {
		file, ok := strings.CutPrefix(c.image, prefix)
		if !ok {
			continue
		}
		abs, err := filepath.Abs(file)
		if err != nil {
			return "", fmt.Errorf("--image: %w", err)
		}
		return prefix + abs, nil
	}
	return c.image, nil
}

// checkImage reports what does not go with --image.
func (c *codeFlags) checkImage(bad func(flag, format string, a ...any)) {
	if err := images.CheckReference(c.image); err != nil {
		bad("image", "%q: want HOST/NAME:TAG, HOST/NAME@sha256:..., oci:DIR or docker-archive:FILE", c.image)
	}
	if c.handler != "" {
		bad("handler", "an image has none; its CMD says what runs")
	}
	if c.runtime != "" {
		bad("runtime", "an image brings its own; leave it out")
	}
}

// imageName is the last word of a reference, without tag and digest.
func imageName(reference string) string {
	name := filepath.Base(reference)
	for _, prefix := range localImages {
		name = strings.TrimPrefix(name, prefix)
	}
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// pulledImage asks a built-in Lambda what became of the image of a function;
// nil where what answers is none, or has none. Ready is false while it is
// being pulled.
func pulledImage(ctx context.Context, endpoint, function string) (report *emulator.ImageReport, ready bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+emulator.ImagePrefix+function, http.NoBody)
	if err != nil {
		return nil, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, fmt.Errorf("ask for the image of %s: %w", function, err)
	}
	ready = resp.StatusCode == http.StatusOK
	if ready || resp.StatusCode == http.StatusAccepted {
		report = &emulator.ImageReport{}
		err = json.NewDecoder(resp.Body).Decode(report)
	}
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, false, fmt.Errorf("read the image of %s: %w", function, err)
	}
	return report, ready, nil
}

// watchPull says every few seconds how far a pull is, until the returned
// function is called.
func watchPull(ctx context.Context, endpoint, function string, n *narrator) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(2 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			report, ready, err := pulledImage(ctx, endpoint, function)
			if err != nil || report == nil || ready {
				return // what follows says more
			}
			n.say("pulling the image: %.1f of %.1f MB", float64(report.DoneBytes)/1e6, float64(report.TotalBytes)/1e6)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// noteImage says what the image cost to get, apart from every figure of the
// run, and keeps it with the plan.
func (f *loadFlags) noteImage(ctx context.Context, s *subject, cfg aws.Config, n *narrator) error {
	fn := &s.functions[0]
	report, ready, err := pulledImage(ctx, aws.ToString(cfg.BaseEndpoint), fn.Name)
	if err != nil || !ready {
		return err
	}
	fn.PackageBytes = report.Pull.PackedBytes
	n.say("image %s: %s; in no figure below", report.Digest, report.Pull)
	if report.Index {
		n.say("note: the image is an index of several platforms, which AWS Lambda refuses; this machine's platform was taken")
	}
	s.emulator["image"] = report.Digest
	s.emulator["image_pull"] = report.Pull.String()
	return nil
}
