package experiment

import "regexp"

var (
	// An account number stands between colons in an ARN, before ":function:" in
	// a short one, before ".dkr.ecr." in an image reference, and after the host
	// in the URL of a queue.
	accountInARN   = regexp.MustCompile(`(arn:[a-z0-9-]*:[a-z0-9-]*:[a-z0-9-]*:)[0-9]{12}\b`)
	accountInShort = regexp.MustCompile(`\b[0-9]{12}(:function:|%3Afunction%3A)`)
	accountInQueue = regexp.MustCompile(`(\.amazonaws\.com(?:\.cn)?/)[0-9]{12}\b`)
	accountInImage = regexp.MustCompile(`\b[0-9]{12}(\.dkr\.ecr\.)`)
	accessKey      = regexp.MustCompile(`\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b`)
)

// Redact strikes account numbers and access keys out of a text.
func Redact(s string) string {
	s = accountInARN.ReplaceAllString(s, "${1}************")
	s = accountInShort.ReplaceAllString(s, "************$1")
	s = accountInQueue.ReplaceAllString(s, "${1}************")
	s = accountInImage.ReplaceAllString(s, "************$1")
	return accessKey.ReplaceAllString(s, "$1****************")
}
