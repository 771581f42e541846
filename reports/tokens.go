package reports

// The colour tokens. Every kind of start exceeds 3:1 against card and page in
// both themes; some pairs stay close under protan vision, which is why each
// kind has a marker shape as well and no meaning hangs on colour alone.
const (
	lightTokens = `--page:#F5F6F8;--card:#FFFFFF;--ink:#10151C;--ink2:#4A5563;--grid:#E3E7EC;--axis:#8A94A3;` +
		`--busy:#8FA0B5;--band:#E6EAF0;` +
		`--cold:#1B3FC4;--warm:#C9680E;--restored:#1A8A86;--provisioned:#9B57E6;--unknown:#4A5563;--error:#B0120E;` +
		`--good:#0A5C36;--good-fill:#E9F6EF;--caution:#8A3B00;--caution-fill:#FDF1E5;` +
		`--bad:#9C110C;--bad-fill:#FDECEB;--info:#1D3FAF;--info-fill:#E9EEFC;--on-cold:#FFFFFF`
	darkTokens = `--page:#0E1217;--card:#151A21;--ink:#E8ECF1;--ink2:#A9B4C2;--grid:#2B333E;--axis:#6B7787;` +
		`--busy:#5C6C80;--band:#242C37;` +
		`--cold:#5186FF;--warm:#FFB04A;--restored:#55EBCB;--provisioned:#C3A6FF;--unknown:#A9B4C2;--error:#F0443E;` +
		`--good:#7FE0AE;--good-fill:#10281D;--caution:#FFC07A;--caution-fill:#2E1F0E;` +
		`--bad:#FF9A94;--bad-fill:#331413;--info:#A9C1FF;--info-fill:#16213F;--on-cold:#10151C`
)

// aloneStyle is the style sheet of a picture that stands in a file of its own.
// It follows the reader's colour scheme; an <img> cannot know the page's.
func aloneStyle() string {
	return "<style>svg{" + lightTokens + ";background:var(--card);font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}" +
		"@media (prefers-color-scheme:dark){svg{" + darkTokens + "}}" + chartCSS + "</style>\n"
}
