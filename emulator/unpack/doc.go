// Package unpack extracts the zip archive of a function into a folder, as a
// guest that trusts nothing of what the archive says.
//
// Zip works in three steps:
//
//  1. read the archive's directory; an archive without one is Corrupt;
//  2. plan: look at every name, kind and size before the first byte is
//     written, so that a hostile archive is refused with nothing extracted;
//  3. write: folders, then files, then symbolic links, each through an os.Root
//     that no path can leave, and each file up to the bytes that the archive
//     promised and that the limit leaves, counted as they are written.
//
// What is refused: absolute paths, "..", backslashes and drive letters, NUL
// bytes, two entries for one path, a file where another entry needs a folder,
// devices, pipes and sockets, encrypted entries, unknown compression, links
// that are absolute or lead outside, links that other entries pass through,
// more bytes or entries than the limits, contents that differ from their
// checksum. Every refusal is an *Error with one line that names the entry.
//
// Overlay does the same for several archives in one folder, as Lambda merges
// layers.
//
// It keeps the permission bits of files that are set for anybody (a bootstrap
// stays executable), without set-user-ID, set-group-ID and sticky bits, and
// makes everything readable for the owner. It does not keep times or owners.
package unpack
