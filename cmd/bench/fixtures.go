package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"coldbench/fixtures"
)

func newFixtures() *cobra.Command {
	var image, function, dir string
	cmd := &cobra.Command{
		Use:   "fixtures",
		Short: "List the built-in functions, or pack one as a container image",
		Long: `fixtures lists the built-in functions. With --image it writes a container image
in OCI layout: of a built-in function (this very program and the libraries that
it needs), or of a folder, whose files become /var/task and whose bootstrap is
the entry point. The same files give the same image.`,
		Example: `  bench spiky --target emulated:cpu --memory 1769
  bench fixtures --function hello --image oci:hello-image
  bench spiky --image oci:hello-image`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if image == "" {
				if cmd.Flags().Changed("function") || dir != "" {
					return usagef("--function and --dir say what --image packs; give that too")
				}
				return listFixtures(cmd)
			}
			return packImage(cmd, image, function, dir)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&image, "image", "", "write an image here: oci:DIR, which must not exist")
	fs.StringVar(&function, "function", "hello", "the built-in function to pack")
	fs.StringVar(&dir, "dir", "", "a folder to pack in its place; it holds the program bootstrap and all that this needs")
	return cmd
}

func listFixtures(cmd *cobra.Command) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, b := range fixtures.Builtins() {
		if _, err := fmt.Fprintf(w, "emulated:%s\t%s\n", b.Name, b.Description); err != nil {
			return err
		}
	}
	return w.Flush()
}

func packImage(cmd *cobra.Command, image, function, dir string) error {
	to, ok := strings.CutPrefix(image, "oci:")
	if !ok || to == "" {
		return usagef("--image: %q: want oci:DIR", image)
	}
	if dir != "" && cmd.Flags().Changed("function") {
		return usagef("--dir: give --dir or --function, not both")
	}
	made, err := fixtureImage(function, dir)
	if err != nil {
		return err
	}
	if err := fixtures.WriteLayout(to, made); err != nil {
		return err
	}
	digest, err := made.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s@%s\n", image, digest)
	return err
}

// fixtureImage packs the folder, or the built-in function where there is none.
func fixtureImage(function, dir string) (v1.Image, error) {
	if dir != "" {
		return fixtures.ImageDir(dir)
	}
	if err := knownBuiltin(function); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return fixtures.ImageProgram(self, fixtures.FunctionVariable+"="+function)
}
