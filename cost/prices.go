package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed prices.json
var pricesJSON []byte

// Source says where a price was read.
type Source struct {
	What string `json:"what"`
	Date string `json:"date"`
	Kind string `json:"kind"` // official price list, third-party test data, ...
}

// Cite gives the source that a [Line] names by its key.
func Cite(key string) (Source, bool) {
	t, err := table()
	if err != nil {
		return Source{}, false
	}
	s, ok := t.sources[key]
	return s, ok
}

// price is one leaf of the table: a flat value or tiers of it. The zero value
// is a price that is not known.
type price struct {
	Value     *float64 `json:"value"`
	Tiers     []tier   `json:"tiers"`
	Unit      string   `json:"unit"`
	Source    string   `json:"source"`
	Date      string   `json:"date"`
	Uncertain any      `json:"uncertain"` // a reason, or true

	firstTierOnly bool // the prices of the further tiers are not known
}

type tier struct {
	UpTo  *float64 `json:"up_to"` // nil: the rest
	Price float64  `json:"price"`
}

func (p price) known() bool { return p.Value != nil || len(p.Tiers) > 0 }

// note is what the table says against a price, "" where nothing.
func (p price) note() string {
	switch u := p.Uncertain.(type) {
	case string:
		return u
	case bool:
		if u {
			return "uncertain"
		}
	}
	return ""
}

// freeTier is what an account has free in each month.
type freeTier struct {
	Requests  float64 `json:"requests"`
	GBSeconds float64 `json:"gb_seconds"`
	Source    string  `json:"source"`
	Date      string  `json:"date"`
}

// lambdaPrices are the leaves of a region's Lambda prices that a bill reads.
type lambdaPrices struct {
	Request      price     `json:"request"`
	DurationX86  price     `json:"duration_x86"`
	DurationArm  price     `json:"duration_arm"`
	FirstTierX86 price     `json:"duration_x86_first_tier"`
	FirstTierArm price     `json:"duration_arm_first_tier"`
	Ephemeral    price     `json:"ephemeral_storage"`
	Free         *freeTier `json:"free_tier_per_month"`
}

// priceTable is prices.json as far as Lambda goes.
type priceTable struct {
	sources map[string]Source
	regions map[string]lambdaPrices // those that can be billed in USD
	other   map[string]string       // the rest, and why not
}

// table reads the embedded prices once.
var table = sync.OnceValues(func() (*priceTable, error) { return parse(pricesJSON) })

// parse reads a price table. Regions without duration prices or in another
// currency are kept apart, with the reason.
func parse(data []byte) (*priceTable, error) {
	var doc struct {
		Sources map[string]Source `json:"sources"`
		Regions map[string]struct {
			Currency string          `json:"currency"`
			Lambda   json.RawMessage `json:"lambda"`
		} `json:"regions"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("parse prices: %w", err)
	}
	t := &priceTable{sources: doc.Sources, regions: map[string]lambdaPrices{}, other: map[string]string{}}
	same := map[string]string{}
	for name, region := range doc.Regions {
		var text string
		if json.Unmarshal(region.Lambda, &text) == nil {
			same[name] = text
			continue
		}
		var p lambdaPrices
		if err := json.Unmarshal(region.Lambda, &p); err != nil {
			return nil, fmt.Errorf("parse prices: region %s: %w", name, err)
		}
		t.add(name, region.Currency, p)
	}
	for name, text := range same {
		if err := t.alias(name, text); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// add keeps the prices of one region, or the reason why not.
func (t *priceTable) add(name, currency string, p lambdaPrices) {
	p.DurationX86 = tiersOrFirst(p.DurationX86, p.FirstTierX86)
	p.DurationArm = tiersOrFirst(p.DurationArm, p.FirstTierArm)
	switch {
	case currency != "" && currency != "USD":
		t.other[name] = "its prices are in " + currency + ", bills are in USD"
	case !p.DurationX86.known() && !p.DurationArm.known():
		t.other[name] = "it has no price per GB-s"
	default:
		t.regions[name] = p
	}
}

// tiersOrFirst takes the first tier's price where the others are not known.
func tiersOrFirst(tiers, first price) price {
	if tiers.known() || !first.known() {
		return tiers
	}
	first.firstTierOnly = true
	return first
}

// sameAs is how the table says that a region's list equals another's.
var sameAs = regexp.MustCompile(`^same as (\S+) \(price list (\d{4}-\d\d-\d\d), source (\w+)\)$`)

// alias gives a region the prices of another, under the source that says that
// they are equal.
func (t *priceTable) alias(name, text string) error {
	m := sameAs.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("parse prices: region %s: %q: not a price list nor a reference to one", name, text)
	}
	p, ok := t.regions[m[1]]
	if !ok {
		return fmt.Errorf("parse prices: region %s: refers to %q, which has no prices", name, m[1])
	}
	for _, leaf := range []*price{&p.Request, &p.DurationX86, &p.DurationArm, &p.Ephemeral} {
		leaf.Date, leaf.Source = m[2], m[3]
	}
	t.regions[name] = p
	return nil
}

// names lists the regions that can be billed, sorted.
func (t *priceTable) names() []string {
	names := make([]string, 0, len(t.regions))
	for name := range t.regions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// missing is the error for a region that can't be billed.
func (t *priceTable) missing(region string) error {
	known := strings.Join(t.names(), ", ")
	if why, ok := t.other[region]; ok {
		return fmt.Errorf("tariff for region %q: %s; known: %s", region, why, known)
	}
	return fmt.Errorf("tariff for region %q: not in the price table; known: %s", region, known)
}
