package cost

import (
	"strings"
	"testing"
)

// Faults of the table are errors that name the place.
func TestParseFaults(t *testing.T) {
	for _, c := range []struct{ table, want string }{
		{`{`, "parse prices: unexpected end"},
		{`{"regions": {"r": {"lambda": 7}}}`, "parse prices: region r: "},
		{`{"regions": {"r": {"lambda": "like the others"}}}`, `region r: "like the others": not a price list nor a reference`},
		{
			`{"regions": {"r": {"lambda": "same as s (price list 2026-10-05, source x)"}}}`,
			`region r: refers to "s", which has no prices`,
		},
	} {
		_, err := parse([]byte(c.table))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("parse(%s): %v, want %q", c.table, err, c.want)
		}
	}
}

// The embedded table: tiers rise to an open end at falling prices, and every
// price that is known names its unit, date and a source that exists.
func TestEmbeddedTable(t *testing.T) {
	pt, err := table()
	if err != nil {
		t.Fatal(err)
	}
	for region, p := range pt.regions {
		for name, leaf := range map[string]price{
			"request": p.Request, "x86": p.DurationX86, "arm": p.DurationArm, "ephemeral": p.Ephemeral,
		} {
			if !leaf.known() {
				continue
			}
			if _, ok := pt.sources[leaf.Source]; !ok || leaf.Date == "" || leaf.Unit == "" {
				t.Errorf("%s %s: %+v", region, name, leaf)
			}
			checkTiers(t, region+" "+name, leaf.Tiers)
		}
	}
}

func checkTiers(t *testing.T, name string, tiers []tier) {
	t.Helper()
	for i, tier := range tiers {
		if open := tier.UpTo == nil; open != (i == len(tiers)-1) {
			t.Errorf("%s: tier %d: open end %t", name, i+1, open)
		}
		if i > 0 && (tier.Price >= tiers[i-1].Price || tier.UpTo != nil && *tier.UpTo <= *tiers[i-1].UpTo) {
			t.Errorf("%s: tier %d does not follow tier %d", name, i+1, i)
		}
	}
}
