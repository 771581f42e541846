package logsource

// Remember makes a source forget old events once it has seen n.
func Remember(n int) func(*CloudWatchOptions) {
	return func(o *CloudWatchOptions) { o.remember = n }
}
