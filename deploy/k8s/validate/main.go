// Validate renders kustomizations and puts every resource through what an API server of the
// Kubernetes version in go.mod does with it: `go run . ../overlays/production`. It asks no cluster.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: go run . <folder of a kustomization>...")
		os.Exit(2)
	}
	failed := false
	for _, folder := range os.Args[1:] {
		manifests, err := render(folder)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", folder, err)
			failed = true
			continue
		}
		for _, problem := range problemsOf(manifests) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", folder, problem)
			failed = true
		}
		fmt.Printf("%s: %d resources\n", folder, len(manifests))
	}
	if failed {
		os.Exit(1)
	}
}
