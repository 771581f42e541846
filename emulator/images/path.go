package images

import (
	"path"
	"strings"
)

// maxLinks bounds the links that one path may pass through, as the kernel does.
const maxLinks = 40

// entryPath cleans the name of an entry, or says why it is refused. "." is the
// layer itself.
func entryPath(name string) (clean, reason string) {
	switch {
	case name == "":
		return "", "it has no name"
	case strings.ContainsRune(name, 0):
		return "", "its name holds a NUL byte"
	case len(name) > 4096:
		return "", "its name is longer than 4096 bytes"
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", `its path holds "..", which leaves the image`
		}
		if len(part) > 255 {
			return "", "a part of its path is longer than 255 bytes"
		}
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), ""
}

// climbs reports whether a relative link in the folder dir names a place above
// the image, counted by names. The kernel would stop at the root; who writes
// such a link hopes that something else doesn't. An absolute link is one from
// the image's own root.
func climbs(dir, target string) bool {
	if strings.HasPrefix(target, "/") {
		return false
	}
	clean := path.Join(dir, target) // keeps what climbs: dir is relative
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// resolve gives the path that name leads to when the folder that readLink reads
// is the root, as the kernel would find it; with last, a link at its end is
// followed too. readLink says whether a path is a link, and whereto. The result
// is relative and passes through no link; "" is the root. ok is false after
// too many links.
func resolve(name string, last bool, readLink func(string) (string, bool)) (found string, ok bool) {
	todo := strings.Split(name, "/")
	links := 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if found = path.Dir(found); found == "." {
				found = ""
			}
			continue
		}
		next := path.Join(found, part)
		if len(todo) == 0 && !last {
			return next, true
		}
		target, is := readLink(next)
		if !is {
			found = next
			continue
		}
		if links++; links > maxLinks {
			return "", false
		}
		if strings.HasPrefix(target, "/") {
			found = ""
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return found, true
}
