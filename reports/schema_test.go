package reports

import (
	"encoding"
	"os"
	"reflect"
	"strings"
	"testing"

	"coldbench/record"
)

// A key that is added to summary.json has to be specified. Those of the plan,
// the machine and rows are held against the document by package record.
func TestTheDocumentNamesEveryKeyOfTheSummary(t *testing.T) {
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(doc), "`"+SummarySchema+"`\n")
	part, _, closed := strings.Cut(part, "\n## `bench parse")
	if !found || !closed {
		t.Fatal("docs/format.md has no section on " + SummarySchema)
	}
	seen := map[reflect.Type]bool{reflect.TypeFor[record.Plan](): true, reflect.TypeFor[record.Host](): true, reflect.TypeFor[record.SecondCount](): true}
	var walk func(t reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] || typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
				return
			}
			seen[typ] = true
			for f := range typ.Fields() {
				key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if key == "-" {
					continue
				}
				if !strings.Contains(part, "`"+key+"`") {
					t.Errorf("docs/format.md does not name the key %s of %v", key, typ)
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[Summary]())
}
