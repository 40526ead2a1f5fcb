package main

import (
	"errors"
	"strings"
	"testing"
)

const production = "../overlays/production"

func TestProductionIsWhatAnAPIServerTakes(t *testing.T) {
	manifests := rendered(t)
	if problems := problemsOf(manifests); len(problems) > 0 {
		t.Error(errors.Join(problems...))
	}
	for _, kind := range []string{"Deployment", "Service", "ServiceMonitor", "Ingress", "NetworkPolicy",
		"PodDisruptionBudget", "HorizontalPodAutoscaler", "ConfigMap", "ServiceAccount", "Namespace"} {
		if !strings.Contains(strings.Join(manifests, ""), "\nkind: "+kind+"\n") {
			t.Errorf("no %s", kind)
		}
	}
}

func TestMistakesAreFound(t *testing.T) {
	for name, mistake := range map[string]struct{ from, to, says string }{
		"a misspelt field": {
			"terminationGracePeriodSeconds:", "terminationGraceSeconds:",
			`unknown field "spec.template.spec.terminationGraceSeconds"`,
		},
		"a misspelt field of the monitor": {
			"scrapeTimeout:", "timeout:", `unknown field "spec.endpoints[0].timeout"`,
		},
		"a field twice": {
			"minReadySeconds: 5\n", "minReadySeconds: 5\n  minReadySeconds: 6\n", `key "minReadySeconds" already set`,
		},
		"a number that is text": {
			"minReadySeconds: 5", "minReadySeconds: soon", "cannot unmarshal string",
		},
		"a version that is gone": {
			"apiVersion: autoscaling/v2\n", "apiVersion: autoscaling/v2beta2\n", "no kind",
		},
		"a word that is none of the enum": {
			"pathType: Prefix", "pathType: Prefixed", `Unsupported value: "Prefixed"`,
		},
		"a rollout that could not begin": {
			"maxSurge: 1", "maxSurge: 0", "may not be 0 when `maxSurge` is 0",
		},
		"a request above its limit": {
			"memory: 512Mi", "memory: 1Gi", "must be less than or equal to memory limit",
		},
		"a selector of other pods": {
			"name: sallyport\n  strategy:", "name: other\n  strategy:", "`selector` does not match template `labels`",
		},
		"a root user": {
			"runAsNonRoot: true", "runAsNonRoot: false", "not restricted: runAsNonRoot != true",
		},
		"capabilities": {
			"- ALL", "- CHOWN", "not restricted: unrestricted capabilities",
		},
		"more pods than INSTANCES": {
			"maxReplicas: 10", "maxReplicas: 12", `INSTANCES is "10", and the autoscaler's maxReplicas 12`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			manifests := strings.Split(replaceOnce(t, strings.Join(rendered(t), "---\n"), mistake.from, mistake.to), "---\n")
			found := errors.Join(problemsOf(manifests)...)
			if found == nil || !strings.Contains(found.Error(), mistake.says) {
				t.Errorf("want %q, found: %v", mistake.says, found)
			}
		})
	}
}

func rendered(t *testing.T) []string {
	t.Helper()
	manifests, err := render(production)
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

// A mistake that is not made would prove nothing.
func replaceOnce(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("%q is not in the manifests", from)
	}
	return strings.Replace(text, from, to, 1)
}
