package main

import (
	"fmt"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)

func init() {
	utilruntime.Must(monitoring.AddToScheme(legacyscheme.Scheme))
}

// render gives the resources of a kustomization as YAML, one each.
func render(folder string) ([]string, error) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	manifests := make([]string, 0, rendered.Size())
	for _, resource := range rendered.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, string(text))
	}
	return manifests, nil
}

// problemsOf says what an API server would refuse, and what does not agree between resources.
func problemsOf(manifests []string) []error {
	var problems []error
	var objects []runtime.Object
	for _, manifest := range manifests {
		// Of a manifest with a misspelt field the rest is still given, and looked at, too.
		object, _, err := strict.UniversalDeserializer().Decode([]byte(manifest), nil, nil)
		if err != nil {
			problems = append(problems, fmt.Errorf("%w in\n%s", err, manifest))
		}
		if object == nil {
			continue
		}
		objects = append(objects, object)
		if err := refusal(object); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", nameOf(object), err))
		}
	}
	return append(problems, outOfStep(objects)...)
}

func refusal(object runtime.Object) error {
	if _, isMonitor := object.(*monitoring.ServiceMonitor); isMonitor {
		return nil // its type is all that is published of it
	}
	if deployment, isDeployment := object.(*apps.Deployment); isDeployment {
		if err := notRestricted(&deployment.Spec.Template); err != nil {
			return err
		}
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return err
	}
	return invalid(internal)
}

// outOfStep finds an autoscaler that may run more pods than they divide the limits by.
func outOfStep(objects []runtime.Object) []error {
	var problems []error
	for _, object := range objects {
		autoscaler, isAutoscaler := object.(*autoscaling.HorizontalPodAutoscaler)
		if !isAutoscaler {
			continue
		}
		want := fmt.Sprint(autoscaler.Spec.MaxReplicas)
		if found := instancesOf(objects, autoscaler.Spec.ScaleTargetRef.Name); found != want {
			problems = append(problems, fmt.Errorf("INSTANCES is %q, and the autoscaler's maxReplicas %s", found, want))
		}
	}
	return problems
}

func instancesOf(objects []runtime.Object, deploymentName string) string {
	for _, object := range objects {
		deployment, isDeployment := object.(*apps.Deployment)
		if !isDeployment || deployment.Name != deploymentName {
			continue
		}
		for _, container := range deployment.Spec.Template.Spec.Containers {
			for _, variable := range container.Env {
				if variable.Name == "INSTANCES" {
					return variable.Value
				}
			}
		}
	}
	return ""
}

func nameOf(object runtime.Object) string {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	accessor, err := meta.Accessor(object)
	if err != nil {
		return kind
	}
	return kind + "/" + accessor.GetName()
}
