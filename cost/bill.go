package cost

import (
	"fmt"
	"math"
)

// Line is one price that applied. Source is a key for [Cite]; Date is that of
// the price, as its source states it.
type Line struct {
	What     string  `json:"what"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`  // of the quantity: request, GB-s
	Price    float64 `json:"price"` // USD for one unit
	USD      float64 `json:"usd"`   // Quantity * Price, not rounded
	Source   string  `json:"source"`
	Date     string  `json:"date"`
	Note     string  `json:"note,omitempty"` // what the table says against the price
}

// Bill is what a usage is charged. Where Errors is not empty, USD is only the
// sum of what could be priced: a lower bound, to be shown as one.
type Bill struct {
	USD         float64 `json:"usd"`
	Tariff      string  `json:"tariff"`
	Invocations int64   `json:"invocations"`
	GBSeconds   float64 `json:"gb_seconds"` // both architectures
	Lines       []Line  `json:"lines,omitempty"`
	Errors      []error `json:"-"`
}

// Complete says whether the bill holds everything that was used.
func (b *Bill) Complete() bool { return len(b.Errors) == 0 }

// Bill prices a usage. It has no line for what was not used, and an error
// ([*UnknownPriceError], or an invalid quantity) instead of a line for what it
// can't price.
func (t *Tariff) Bill(u Usage) Bill {
	b := Bill{
		Tariff: t.String(), Invocations: u.Invocations,
		GBSeconds: u.GBSecondsX86 + u.GBSecondsArm,
	}
	requests, x86, arm := float64(u.Invocations), u.GBSecondsX86, u.GBSecondsArm
	if t.free {
		requests, x86, arm = t.takeFree(&b, requests, x86, arm)
	}
	t.charge(&b, "requests", "request", requests, t.prices.Request)
	t.charge(&b, "duration x86_64", "GB-s", x86, t.prices.DurationX86)
	t.charge(&b, "duration arm64", "GB-s", arm, t.prices.DurationArm)
	t.charge(&b, "ephemeral storage above 512 MB", "GB-s", u.EphemeralGBSeconds, t.prices.Ephemeral)
	for _, l := range b.Lines {
		b.USD += l.USD
	}
	return b
}

// takeFree puts the free quantities on the bill at price 0 and gives the rest.
func (t *Tariff) takeFree(b *Bill, requests, x86, arm float64) (r, x, a float64) {
	f := t.prices.Free
	if f == nil {
		b.Errors = append(b.Errors, fmt.Errorf("free tier in %s: not known and not applied", t.region))
		return requests, x86, arm
	}
	take := func(what, unit string, used, free float64) (rest, left float64) {
		quantity := math.Min(used, free)
		if !(quantity > 0) {
			return used, free
		}
		b.Lines = append(b.Lines, Line{
			What: what + ", free tier", Quantity: quantity, Unit: unit, Source: f.Source, Date: f.Date,
		})
		return used - quantity, free - quantity
	}
	r, _ = take("requests", "request", requests, f.Requests)
	x, left := take("duration x86_64", "GB-s", x86, f.GBSeconds)
	a, _ = take("duration arm64", "GB-s", arm, left)
	return r, x, a
}

// charge adds the lines of one quantity: one, or one for each tier it reaches.
func (t *Tariff) charge(b *Bill, what, unit string, quantity float64, p price) {
	switch {
	case quantity == 0:
	case !(quantity > 0) || math.IsInf(quantity, 1):
		b.Errors = append(b.Errors, fmt.Errorf("bill %s: %g %s: not a quantity", what, quantity, unit))
	case !p.known():
		b.Errors = append(b.Errors, &UnknownPriceError{Region: t.region, What: what, Quantity: quantity, Unit: unit})
	case p.firstTierOnly && quantity > firstTierGBSeconds:
		b.Errors = append(b.Errors, &UnknownPriceError{
			Region: t.region, What: what + " beyond the first tier",
			Quantity: quantity - firstTierGBSeconds, Unit: unit,
		})
		b.add(what, unit, firstTierGBSeconds, *p.Value, p)
	case p.Value != nil:
		b.add(what, unit, quantity, *p.Value, p)
	default:
		b.addTiers(what, unit, quantity, p)
	}
}

// firstTierGBSeconds is how far a first-tier price is taken to hold where the
// table has only that: the smallest first tier of any list that was read
// (us-east-1 x86_64, price list 2026-10-04).
const firstTierGBSeconds = 6e9

// addTiers splits a quantity over the tiers of a price.
func (b *Bill) addTiers(what, unit string, quantity float64, p price) {
	from := 0.0
	for i, tier := range p.Tiers {
		to := math.Inf(1)
		if tier.UpTo != nil {
			to = *tier.UpTo
		}
		part := math.Min(quantity, to) - from
		if part <= 0 {
			return
		}
		name := what
		if i > 0 {
			name = fmt.Sprintf("%s, tier %d", what, i+1)
		}
		b.add(name, unit, part, tier.Price, p)
		from = to
	}
}

func (b *Bill) add(what, unit string, quantity, unitPrice float64, p price) {
	b.Lines = append(b.Lines, Line{
		What: what, Quantity: quantity, Unit: unit, Price: unitPrice, USD: quantity * unitPrice,
		Source: p.Source, Date: p.Date, Note: p.note(),
	})
}
