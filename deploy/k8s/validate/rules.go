package main

import (
	"errors"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	security "k8s.io/pod-security-admission/api"
	securitypolicy "k8s.io/pod-security-admission/policy"
)

// invalid is what the API server says to a resource that is to be created. A kind that is not here is
// an error, so that none goes unseen.
func invalid(internal runtime.Object) error {
	switch object := internal.(type) {
	case *core.Namespace:
		return corevalidation.ValidateNamespace(object).ToAggregate()
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(object).ToAggregate()
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(object).ToAggregate()
	case *core.Service:
		return corevalidation.ValidateServiceCreate(object).ToAggregate()
	case *apps.Deployment:
		options := pod.GetValidationOptionsFromPodTemplate(&object.Spec.Template, nil)
		return appsvalidation.ValidateDeployment(object, options).ToAggregate()
	case *autoscaling.HorizontalPodAutoscaler:
		options := autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}
		return autoscalingvalidation.ValidateHorizontalPodAutoscaler(object, options).ToAggregate()
	case *policy.PodDisruptionBudget:
		options := policyvalidation.PodDisruptionBudgetValidationOptions{}
		return policyvalidation.ValidatePodDisruptionBudget(object, options).ToAggregate()
	case *networking.NetworkPolicy:
		options := networkingvalidation.NetworkPolicyValidationOptions{}
		return networkingvalidation.ValidateNetworkPolicy(object, options).ToAggregate()
	case *networking.Ingress:
		return networkingvalidation.ValidateIngressCreate(object).ToAggregate()
	}
	return fmt.Errorf("no rules for %T: add them to rules.go", internal)
}

// notRestricted is what the admission of a namespace at the level `restricted` says to a pod.
func notRestricted(template *v1.PodTemplateSpec) error {
	evaluator, err := securitypolicy.NewEvaluator(securitypolicy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	results := evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec)
	if verdict := securitypolicy.AggregateCheckResults(results); !verdict.Allowed {
		return errors.New("not restricted: " + verdict.ForbiddenDetail())
	}
	return nil
}
