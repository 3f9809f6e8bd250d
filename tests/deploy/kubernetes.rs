//! Manifests and chart: they build, are valid, and ask for no more than the restricted profile
//! allows.

use std::fs;

use serde_json::{Value, json};

use super::{printed, read, run, shown, tool};

const CHART: &str = "deploy/kubernetes/helm/qlik-roster";

/// The versions of Kubernetes to validate against: the oldest that is supported, and the newest
/// that the validator knows.
const VERSIONS: [&str; 2] = ["1.29.0", "1.37.0"];

/// The kinds of the manifests that every cluster knows, and those of the Prometheus operator.
const KINDS: [&str; 6] = [
    "ConfigMap",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];
const OPERATOR: [&str; 2] = ["PrometheusRule", "ServiceMonitor"];

/// Validates manifests and returns them.
fn validated(manifests: &str) -> Option<Vec<Value>> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), manifests).unwrap();
    let path = file.path().to_str().unwrap();
    for version in VERSIONS {
        drop(printed(
            "kubernetes-validate",
            &["--strict", "-k", version, path],
        )?);
    }
    let objects = printed(python()?, &["tests/deploy/objects.py", "yaml", path])?;
    Some(serde_json::from_str(&objects).unwrap())
}

/// Returns the Python that has the libraries, which is installed with `kubernetes-validate`.
fn python() -> Option<&'static str> {
    tool("kubernetes-validate").map(|_found| "python")
}

fn kustomized(folder: &str) -> Option<Vec<Value>> {
    validated(&printed("kubectl", &["kustomize", folder])?)
}

/// Renders the chart; `Err` with Helm's words if it refuses the values.
fn rendered(values: &Value) -> Option<Result<Vec<Value>, String>> {
    let values = values.to_string();
    let arguments = ["tests/deploy/objects.py", "chart", CHART, &values];
    let printed = printed(python()?, &arguments)?;
    let mut answer: Value = serde_json::from_str(&printed).unwrap();
    if let Some(refused) = answer["refused"].as_str() {
        return Some(Err(refused.to_owned()));
    }
    assert_eq!(answer["lint"].take(), json!([]), "{values}");
    Some(Ok(validated(answer["text"].as_str().unwrap())?))
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    let kinds = objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap());
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_unstable();
    kinds
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

/// Checks what Kubernetes' restricted profile asks of a pod, and what a store with one opener does.
fn check(objects: &[Value]) {
    let set = &of_kind(objects, "StatefulSet")["spec"];
    let pod = &set["template"]["spec"];
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["runAsUser"], 65532);
    assert_eq!(context["fsGroup"], 65532);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(pod[key], Value::Null, "{key}");
    }
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    for container in pod["containers"].as_array().unwrap() {
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        assert_eq!(container["securityContext"], expected);
        for (probe, path) in [
            ("startupProbe", "/livez"),
            ("livenessProbe", "/livez"),
            ("readinessProbe", "/readyz"),
        ] {
            assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        }
        for port in container["ports"].as_array().unwrap() {
            assert_eq!(port["hostPort"], Value::Null);
        }
    }
    let allowed = ["configMap", "secret", "emptyDir", "projected"];
    for volume in pod["volumes"].as_array().unwrap() {
        let mut kinds = volume.as_object().unwrap().keys();
        assert!(
            kinds.all(|key| key == "name" || allowed.contains(&key.as_str())),
            "{volume}"
        );
        let mode = &volume["secret"]["defaultMode"];
        assert!(volume["secret"].is_null() || *mode == 0o440, "{volume}");
    }
    assert_eq!(set["replicas"], 1);
    let claims = set["volumeClaimTemplates"].as_array().unwrap();
    let modes = claims.iter().map(|claim| &claim["spec"]["accessModes"]);
    assert_eq!(modes.collect::<Vec<_>>(), [&json!(["ReadWriteOncePod"])]);
    // The Service and everything else choose the pod by labels that it has.
    let labels = set["template"]["metadata"]["labels"].as_object().unwrap();
    for (kind, chosen) in [
        ("Service", "/spec/selector"),
        ("StatefulSet", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
    ] {
        let chosen = of_kind(objects, kind).pointer(chosen).unwrap();
        let chosen = chosen.as_object().unwrap();
        assert!(
            !chosen.is_empty()
                && chosen
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value)),
            "{kind}"
        );
    }
}

#[test]
fn the_overlays_build_and_are_valid() {
    let plain = [&KINDS[..], &["Namespace"]].concat();
    let monitored = [&plain[..], &OPERATOR].concat();
    for (overlay, mut expected) in [("plain", plain), ("monitored", monitored)] {
        let folder = format!("deploy/kubernetes/overlays/{overlay}");
        let Some(objects) = kustomized(&folder) else {
            return;
        };

        expected.sort_unstable();
        assert_eq!(kinds(&objects), expected, "{overlay}");
        check(&objects);
        for object in objects
            .iter()
            .filter(|object| object["kind"] != "Namespace")
        {
            assert_eq!(object["metadata"]["namespace"], "qlik-roster", "{object}");
        }
        let level = "pod-security.kubernetes.io/enforce";
        let namespace = of_kind(&objects, "Namespace");
        assert_eq!(namespace["metadata"]["labels"][level], "restricted");
        let pod = &of_kind(&objects, "StatefulSet")["spec"]["template"]["spec"];
        let image = concat!(
            "registry.example.com/qlik-roster:",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(pod["containers"][0]["image"], image);
    }
}

#[test]
fn the_chart_renders_what_is_valid_whatever_is_switched_on() {
    let everything = json!({
        "fullnameOverride": "roster",
        "image": { "digest": format!("sha256:{}", "a".repeat(64)) },
        "imagePullSecrets": [{ "name": "registry" }],
        "env": [{ "name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128" }],
        "store": { "size": "100Gi", "storageClassName": "fast" },
        "service": { "annotations": { "a": "b" } },
        "scheme": "HTTPS",
        "podAnnotations": { "c": "d" },
        "podLabels": { "e": "f" },
        "nodeSelector": { "kubernetes.io/arch": "amd64" },
        "tolerations": [{ "key": "g", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} },
        "priorityClassName": "high",
        "extraVolumes": [{ "name": "authority", "configMap": { "name": "authority" } }],
        "extraVolumeMounts": [{ "name": "authority", "mountPath": "/etc/authority" }],
        "networkPolicy": { "egressPorts": [443, 8443], "extraEgress": [{ "ports": [{ "port": 3128 }] }] },
        "podDisruptionBudget": { "maxUnavailable": 0 },
        "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "prometheusRule": { "enabled": true, "labels": { "release": "prometheus" } },
    });
    let all = [&KINDS[..], &OPERATOR].concat();
    for (values, mut expected) in [(json!({}), KINDS.to_vec()), (everything, all)] {
        let Some(objects) = rendered(&values) else {
            return;
        };
        let objects = objects.unwrap();

        expected.sort_unstable();
        assert_eq!(kinds(&objects), expected);
        check(&objects);
    }
    let none = json!({
        "networkPolicy": { "enabled": false },
        "podDisruptionBudget": { "enabled": false },
    });
    let objects = rendered(&none).unwrap().unwrap();
    assert_eq!(
        kinds(&objects),
        ["ConfigMap", "Service", "ServiceAccount", "StatefulSet"]
    );
}

#[test]
fn the_chart_refuses_values_that_make_no_sense() {
    for (values, key) in [
        (json!({ "replicaCount": 2 }), "/replicaCount"),
        (json!({ "replicas": 2 }), "replicas"),
        (
            json!({ "image": { "digest": "sha256:1" } }),
            "/image/digest",
        ),
        (
            json!({ "image": { "repository": "" } }),
            "/image/repository",
        ),
        (json!({ "scheme": "https" }), "/scheme"),
        (json!({ "store": { "size": "much" } }), "/store/size"),
        (json!({ "secretName": "" }), "/secretName"),
        (json!({ "service": { "port": 0 } }), "/service/port"),
        (
            json!({ "podDisruptionBudget": { "maxUnavailable": 2 } }),
            "maxUnavailable",
        ),
        (
            json!({ "networkPolicy": { "from": [] } }),
            "/networkPolicy/from",
        ),
    ] {
        let Some(refused) = rendered(&values) else {
            return;
        };
        let refused = refused.expect_err("it is refused");
        assert!(refused.contains(key), "{values}: {refused}");
    }
}

#[test]
fn the_chart_and_the_base_run_the_same_pod() {
    let (Some(chart), Some(base)) = (rendered(&json!({})), kustomized("deploy/kubernetes/base"))
    else {
        return;
    };
    let [chart, base] = [chart.unwrap(), base].map(|objects| {
        let mut set = of_kind(&objects, "StatefulSet")["spec"].clone();
        // What Helm names, and what only Helm or Kustomize knows.
        for place in [
            "/selector",
            "/serviceName",
            "/template/metadata",
            "/template/spec/serviceAccountName",
            "/template/spec/containers/0/image",
            "/template/spec/volumes/0/configMap/name",
        ] {
            *set.pointer_mut(place).unwrap() = Value::Null;
        }
        let container = set.pointer_mut("/template/spec/containers/0").unwrap();
        container.as_object_mut().unwrap().remove("imagePullPolicy");
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let asked = container[probe]["httpGet"].as_object_mut().unwrap();
            asked.remove("scheme");
        }
        let policy = of_kind(&objects, "NetworkPolicy")["spec"].clone();
        let policy = json!({ "in": policy["ingress"], "out": policy["egress"] });
        let configuration = of_kind(&objects, "ConfigMap")["data"].clone();
        (set, policy, configuration)
    });

    assert_eq!(chart.0, base.0);
    assert_eq!(chart.1, base.1);
    let sample = |data: &Value| {
        let text = data["qlik-roster.toml"].as_str().unwrap().to_owned();
        // The sample of the base says where it ends up.
        let lines = text.lines().skip_while(|line| !line.starts_with('['));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(sample(&chart.2), sample(&base.2));
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = read(&format!("{CHART}/Chart.yaml"));
    let version = env!("CARGO_PKG_VERSION");

    assert!(chart.contains(&format!("\nversion: {version}\n")));
    assert!(chart.contains(&format!("\nappVersion: {version}\n")));
}

#[test]
fn manifests_and_image_speak_of_the_same_port_and_places() {
    let set = read("deploy/kubernetes/base/statefulset.yaml");
    let sample = read("deploy/kubernetes/base/qlik-roster.toml");

    for place in ["/var/lib/qlik-roster", "/run/qlik-roster-secrets"] {
        assert!(set.contains(&format!("mountPath: {place}\n")), "{place}");
        assert!(sample.contains(place), "{place}");
    }
    assert!(set.contains("containerPort: 8720\n"));
    assert!(sample.contains("listen = \"0.0.0.0:8720\"\n"));
}

#[test]
fn the_validator_finds_faults() {
    let wrong = "apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { prots: [] }\n";
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), wrong).unwrap();
    let arguments = ["--strict", file.path().to_str().unwrap()];

    if let Some(output) = run("kubernetes-validate", &arguments) {
        assert!(!output.status.success(), "{}", shown(&output));
    }
}
