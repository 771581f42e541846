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
// nil where what answers is none.
func pulledImage(ctx context.Context, cfg aws.Config, function string) (*emulator.ImageReport, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, aws.ToString(cfg.BaseEndpoint)+emulator.ImagePrefix+function, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the image of %s: %w", function, err)
	}
	var report emulator.ImageReport
	if resp.StatusCode == http.StatusOK {
		err = json.NewDecoder(resp.Body).Decode(&report)
	}
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the image of %s: %w", function, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil
	}
	return &report, nil
}

// noteImage says what the image cost to get, apart from every figure of the
// run, and keeps it with the plan.
func (f *loadFlags) noteImage(ctx context.Context, s *subject, cfg aws.Config, n *narrator) error {
	fn := &s.functions[0]
	report, err := pulledImage(ctx, cfg, fn.Name)
	if err != nil || report == nil {
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
