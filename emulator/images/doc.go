// Package images turns a reference to a container image into a folder that can
// be the root of an execution environment, as a guest that trusts nothing of
// what the image says.
//
// A pull has two halves, because Lambda answers after the first and works on
// the second while the function is Pending:
//
//  1. Store.Resolve reads the manifest (of an index, that of this machine's
//     platform) and the image's configuration, and refuses what can't work: a
//     name that is none, an image that isn't there, media types that nobody
//     unpacks, another architecture, a size beyond the limits.
//  2. Store.Pull fetches the layers that are not in the cache, several at a
//     time and each once however many ask for it, checks them against their
//     digests, unpacks each into a folder named by the digest of its contents
//     (DiffID), and merges the layers into one tree.
//
// A reference is that of a registry (HOST/NAME:TAG or HOST/NAME@sha256:...), a
// folder in OCI layout (oci:DIR or oci:DIR:TAG), or a file of docker save
// (docker-archive:FILE).
//
// The merged tree is made of hard links to the files of the layers: images
// that share layers share their files on disk. So it must never be written
// to; the sandbox mounts it read-only, as Lambda does. Whiteouts are applied
// while merging: a later layer's folder in place of an earlier link or file
// replaces it, as overlayfs has it.
//
// What unpacking keeps: permission bits, times of files, symbolic and hard
// links. What it drops: owners, the set-user-ID, set-group-ID and sticky bits
// (functions run without new privileges, so the first two could do nothing),
// extended attributes, and device nodes, pipes and sockets, which are counted.
// What it refuses, with an *Error: paths with ".." in them, links that lead
// above the image, hard links to what is not in the layer, more bytes or files
// than the limits, a compression ratio that only a bomb has, contents that
// differ from a digest. Links are followed while unpacking as the kernel would
// with the layer as its root, through an os.Root that nothing can leave.
//
// Every layer and every tree is made beside the cache and renamed into it: a
// crash leaves a file in tmp, which the next Open removes, and never half a
// layer. Time spent downloading and unpacking is reported apart (Report); no
// init contains it.
//
// The cache is bounded (Options.CacheBytes): after a pull those layers go that
// no Image in use needs and that were used least lately, with their trees. A
// lock on a file beside each says what is in use, also by other programs.
//
// Credentials come from the Docker configuration if the environment variable
// DOCKER_CONFIG names one, else none are used. Plain HTTP is spoken to registries
// on loopback only.
package images
