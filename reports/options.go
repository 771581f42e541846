package reports

// Options change what a Report holds. The zero value is right for most runs.
type Options struct {
	Region      string // whose prices the bill takes; "" is that of the plan, else us-east-1
	TempDir     string // where the join may spill; "" is the system's folder
	MaxInMemory int    // REPORTs held at once by the join; 0 is its default
}
