//! The files around the dashboards: compose, provisioning, Prometheus. They are read, not run: containers are not to be had
//! in a test.

use yaml_rust2::{Yaml, YamlLoader};

use crate::document::root;

fn yaml(path: &str) -> Yaml {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    YamlLoader::load_from_str(&text)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .remove(0)
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str().unwrap_or_else(|| panic!("no text: {yaml:?}"))
}

/// The file or folder that a service mounts at a place.
fn mounted(service: &Yaml, place: &str) -> String {
    let volumes = service["volumes"].as_vec().unwrap();
    let mount = volumes.iter().map(text).find_map(|volume| {
        let (source, rest) = volume.split_once(':')?;
        (rest.split(':').next() == Some(place)).then(|| source.to_owned())
    });
    mount.unwrap_or_else(|| panic!("nothing at {place}"))
}

#[test]
fn compose_starts_the_dashboards_in_their_profile_only() {
    let compose = yaml("docker-compose.yml");
    let profile = Yaml::Array(vec![Yaml::String("dashboards".to_owned())]);
    for (name, service) in compose["services"].as_hash().unwrap() {
        let is_ours = ["prometheus", "grafana", "reporting-login"].contains(&text(name));
        assert_eq!(service["profiles"] == profile, is_ours, "{name:?}");
    }
}

#[test]
fn what_compose_mounts_is_in_the_repository() {
    let compose = yaml("docker-compose.yml");
    let services = &compose["services"];
    for (service, place) in [
        ("prometheus", "/etc/prometheus/prometheus.yml"),
        ("grafana", "/etc/grafana/provisioning"),
        ("grafana", "/var/lib/stopcode-dashboards"),
        ("reporting-login", "/reporting-login.sh"),
    ] {
        let source = mounted(&services[service], place);
        assert!(root().join(&source).exists(), "{source}");
    }
    let providers = yaml("dashboards/provisioning/dashboards/stopcode.yaml");
    let path = &providers["providers"][0]["options"]["path"];
    assert_eq!(mounted(&services["grafana"], text(path)), "./dashboards/grafana");
}

#[test]
fn grafana_is_given_a_source_of_each_kind_and_the_login_that_compose_makes() {
    let sources = yaml("dashboards/provisioning/datasources/stopcode.yaml");
    let sources = sources["datasources"].as_vec().unwrap();
    let kinds: Vec<&str> = sources.iter().map(|source| text(&source["type"])).collect();
    assert_eq!(kinds, ["prometheus", "grafana-postgresql-datasource"]);
    let script = std::fs::read_to_string(root().join("dashboards/reporting-login.sh")).unwrap();
    assert!(script.contains(&format!("${{REPORTING_LOGIN:-{}}}", text(&sources[1]["user"]))));
    let compose = yaml("docker-compose.yml");
    for service in ["grafana", "reporting-login"] {
        let password = &compose["services"][service]["environment"]["REPORTING_PASSWORD"];
        assert_eq!(text(password), "${REPORTING_PASSWORD:-}");
    }
}

#[test]
fn prometheus_scrapes_where_server_and_workers_listen() {
    let prometheus = yaml("dashboards/prometheus/prometheus.yml");
    let jobs = &prometheus["scrape_configs"];
    assert_eq!(text(&jobs[0]["static_configs"][0]["targets"][0]), "server:8080");
    let workers = &jobs[1]["dns_sd_configs"][0];
    let port = workers["port"].as_i64().unwrap();
    let compose = yaml("docker-compose.yml");
    let listen = text(&compose["services"]["worker"]["environment"]["STOPCODE_METRICS_LISTEN"]).to_owned();
    assert_eq!(listen, format!("0.0.0.0:{port}"));
    assert_eq!(text(&workers["names"][0]), "worker");
}
