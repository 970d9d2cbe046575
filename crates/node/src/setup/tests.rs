use super::*;
use std::os::unix::fs::PermissionsExt;

/// A folder of its own for one test.
struct Ground(PathBuf);

impl Ground {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tidewaiter-setup-{name}-{}", std::process::id()));
        // What an earlier run left; usually nothing.
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn set_up(&self) -> SetUp {
        SetUp {
            folder: self.0.join("node"),
            administration: Administration::parse("NTA.GB").unwrap(),
            store: "sqlite:node.db".to_owned(),
            api: "127.0.0.1:0".parse().unwrap(),
            peer: "127.0.0.1:0".parse().unwrap(),
            corridor_defaults: false,
            reference: None,
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn holder_of(prepared: &Prepared, token: &str) -> Option<String> {
    let store = open_store(&Config::load(&prepared.config).unwrap()).unwrap();
    let holder = store.read(|tx| principals::by_token(tx, token)).unwrap();
    store.close();
    holder.map(|principal| principal.name)
}

#[test]
fn only_the_owner_reads_what_a_node_keeps() {
    let ground = Ground::new("modes");
    let prepared = initialise(&ground.set_up()).unwrap();
    let mode = |name: &str| {
        let path = ground.0.join("node").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for file in ["tidewaiter.toml", "keys.json", "node.db"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let shown = format!("{prepared:?}");
    let secrets = [&prepared.operator_token, &prepared.officer_token, &prepared.trader_token];
    assert!(secrets.iter().all(|secret| !shown.contains(*secret)), "{shown}");
    assert!(!shown.contains(&prepared.officer_password), "{shown}");
}

#[test]
fn an_attempt_that_failed_at_its_end_is_repeated() {
    let ground = Ground::new("repeated");
    let set_up = ground.set_up();
    // The last step, writing the configuration, fails: a folder stands in its way.
    let in_the_way = set_up.folder.join("tidewaiter.toml.new");
    std::fs::create_dir_all(&in_the_way).unwrap();
    assert!(matches!(initialise(&set_up), Err(SetUpError::Config(_))));
    let keys = std::fs::read(set_up.folder.join("keys.json")).unwrap();

    std::fs::remove_dir(in_the_way).unwrap();
    let prepared = initialise(&set_up).unwrap();
    assert_eq!(std::fs::read(set_up.folder.join("keys.json")).unwrap(), keys, "the keys are the first ones");
    assert_eq!(holder_of(&prepared, &prepared.officer_token).as_deref(), Some("officer"));
    assert!(matches!(initialise(&set_up), Err(SetUpError::Occupied(_))));
}

#[test]
fn reference_data_that_cannot_be_read_leaves_nothing_behind() {
    let ground = Ground::new("reference");
    let set_up = SetUp { reference: Some(ground.0.join("absent")), ..ground.set_up() };
    assert!(matches!(initialise(&set_up), Err(SetUpError::Reference(_))));
    assert!(!set_up.folder.exists());
    assert!(initialise(&ground.set_up()).is_ok());
}

#[test]
fn the_store_of_another_node_is_left_alone() {
    let ground = Ground::new("other");
    let first = initialise(&ground.set_up()).unwrap();
    let second = SetUp { folder: ground.0.join("second"), store: first.store.clone(), ..ground.set_up() };
    assert!(matches!(initialise(&second), Err(SetUpError::OccupiedStore)));
    assert_eq!(holder_of(&first, &first.operator_token).as_deref(), Some("operator"));
}

#[test]
fn the_keys_of_another_administration_are_not_taken_up() {
    let ground = Ground::new("keys");
    let set_up = ground.set_up();
    initialise(&set_up).unwrap();
    std::fs::remove_file(set_up.folder.join("tidewaiter.toml")).unwrap();
    let other = SetUp { administration: Administration::parse("NTA.FR").unwrap(), ..set_up };
    assert!(matches!(initialise(&other), Err(SetUpError::OtherKeys { .. })));
}
