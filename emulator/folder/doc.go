// Package folder keeps documents in a folder of the file system so that the
// process may be killed at any moment.
//
//  1. Open refuses a folder that holds anything else, takes its lock, so that no
//     second process works on it, and removes what a killed process left half
//     written.
//  2. Write puts a document on a shelf (a subfolder): to a temporary name, synced
//     to the disk, then renamed over the old one. A reader, and the next Open,
//     sees the old document or the new one and nothing between. When the disk is
//     full the old one stays.
//  3. Read and Names give them back. What a document means is the caller's.
//  4. Close gives the lock back; so does the end of the process, however it comes.
//
// Errors name the file that they are about.
package folder
