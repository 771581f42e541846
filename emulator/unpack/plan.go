package unpack

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// maxLink bounds the text of a link, as PATH_MAX does.
const maxLink = 4096

// entry is one file or link that may be written.
type entry struct {
	file   *zip.File
	path   string // clean, slash-separated, relative
	target string // of a link
}

// plan is an archive that has been looked at and found harmless.
type plan struct {
	folders []string
	files   []entry
	links   []entry
	kinds   map[string]kind
}

type kind byte

const (
	folder kind = iota + 1
	regular
	link
)

// newPlan checks every entry before anything is written. Sizes that the
// archive claims are summed here only to refuse early; what is written is
// counted again.
func newPlan(files []*zip.File, l Limits) (*plan, error) {
	if len(files) > l.MaxEntries {
		return nil, &Error{Kind: TooLarge, Reason: fmt.Sprintf("%d entries, more than %d", len(files), l.MaxEntries)}
	}
	p := &plan{kinds: make(map[string]kind, len(files))}
	var claimed uint64
	for _, f := range files {
		claimed += min(f.UncompressedSize64, 1<<40) // no overflow: at most 2^40 times the entries
		if claimed > uint64(l.MaxBytes) {
			return nil, tooManyBytes(f.Name, l.MaxBytes)
		}
		if err := p.add(f); err != nil {
			return nil, err
		}
	}
	return p, p.checkParents()
}

func (p *plan) add(f *zip.File) error {
	refuse := func(k Kind, reason string) error { return &Error{Kind: k, Entry: f.Name, Reason: reason} }
	name, reason := safePath(f.Name)
	if reason != "" {
		return refuse(Unsafe, reason)
	}
	if f.Flags&1 != 0 {
		return refuse(Unsupported, "it is encrypted")
	}
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return refuse(Unsupported, fmt.Sprintf("compression method %d is not known; use deflate", f.Method))
	}
	mode := f.Mode()
	switch {
	case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
		return p.addFolder(f, name)
	case name == ".":
		return refuse(Unsafe, "it names the folder itself")
	case mode.IsRegular():
		p.files = append(p.files, entry{file: f, path: name})
		return p.claim(f, name, regular)
	case mode.Type() == fs.ModeSymlink:
		return p.addLink(f, name)
	}
	return refuse(Unsafe, fmt.Sprintf("it is neither a file, a folder nor a link (mode %v)", mode))
}

func (p *plan) addFolder(f *zip.File, name string) error {
	if name == "." || p.kinds[name] == folder {
		return nil // saying it twice does no harm
	}
	p.folders = append(p.folders, name)
	return p.claim(f, name, folder)
}

func (p *plan) addLink(f *zip.File, name string) error {
	refuse := func(k Kind, reason string) error { return &Error{Kind: k, Entry: f.Name, Reason: reason} }
	r, err := f.Open()
	if err != nil {
		return refuse(Corrupt, err.Error())
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(io.LimitReader(r, maxLink+1))
	target := string(text)
	switch {
	case err != nil:
		return refuse(Corrupt, "its contents cannot be read: "+err.Error())
	case target == "" || len(target) > maxLink || strings.ContainsRune(target, 0):
		return refuse(Unsafe, "it is a link to nowhere")
	case strings.HasPrefix(target, "/"), strings.ContainsRune(target, '\\'):
		return refuse(Unsafe, fmt.Sprintf("it is a link to %q, which is outside the archive", target))
	case leaves(path.Dir(name), target):
		return refuse(Unsafe, fmt.Sprintf("it is a link to %q, which leads outside the archive", target))
	}
	p.links = append(p.links, entry{file: f, path: name, target: target})
	return p.claim(f, name, link)
}

// claim marks a path as taken.
func (p *plan) claim(f *zip.File, name string, k kind) error {
	if p.kinds[name] != 0 {
		return &Error{Kind: Unsafe, Entry: f.Name, Reason: "the archive has this path twice"}
	}
	p.kinds[name] = k
	return nil
}

// checkParents refuses entries that lie below a file or pass through a link,
// in whatever order the archive lists them. With no entry behind a link, links
// can be made last and nothing is ever written through one.
func (p *plan) checkParents() error {
	for _, group := range [][]entry{p.files, p.links} {
		for _, e := range group {
			if err := p.checkParent(e.path, e.file.Name); err != nil {
				return err
			}
		}
	}
	for _, name := range p.folders {
		if err := p.checkParent(name, name+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) checkParent(name, spelled string) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		switch p.kinds[dir] {
		case regular:
			return &Error{Kind: Unsafe, Entry: spelled, Reason: fmt.Sprintf("it lies below %q, which is a file", dir)}
		case link:
			return &Error{Kind: Unsafe, Entry: spelled, Reason: fmt.Sprintf("it passes through %q, which is a link", dir)}
		}
	}
	return nil
}

// safePath cleans the name of an entry, or says why it is refused.
func safePath(name string) (clean, reason string) {
	switch {
	case name == "":
		return "", "it has no name"
	case strings.ContainsRune(name, 0):
		return "", "its name holds a NUL byte"
	case strings.ContainsRune(name, '\\'):
		return "", "its name holds a backslash; zip separates folders by slashes"
	case strings.HasPrefix(name, "/"):
		return "", "its path is absolute"
	case len(name) >= 2 && name[1] == ':':
		return "", "its path begins with a drive letter"
	case len(name) > 4096:
		return "", "its name is longer than 4096 bytes"
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", `its path holds "..", which leaves the folder`
		}
		if len(part) > 255 {
			return "", "a part of its path is longer than 255 bytes"
		}
	}
	return path.Clean(name), ""
}

// leaves reports whether the target of a link in dir may lead above the root.
// It may climb only with its first steps and not above the root with those;
// any ".." after a name is refused. The links that a name may turn out to be
// then do not matter: from a place inside, a path without ".." leads outside
// through a link that itself leaves, and there is none. (With the rule "never
// above the root, counted by names" alone, s -> "." and a/t -> "../s/.." get
// out.)
func leaves(dir, target string) bool {
	depth := 0
	if dir != "." {
		depth = strings.Count(dir, "/") + 1
	}
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
			if named || depth < 0 {
				return true
			}
		default:
			named = true
		}
	}
	return false
}
