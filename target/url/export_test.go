package url

// Quiet is how long a connection of the lean client is trusted.
const Quiet = quiet

// Lean says which client t is.
func (t *Target) Lean() bool { return t.lean != nil }
