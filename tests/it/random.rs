//! Random projects over one small catalog: what the files say, what is there before, and a later edit of the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;

use crate::world::ACCOUNT;

const OWNERS: [&str; 4] = ["role/TeamA", "role/TeamB", "user/carol", "role/path/TeamC"];
const LAUNCH_ROLES: [&str; 3] = ["role/LaunchA", "role/LaunchB", "role/LaunchC"];
const TAG_KEYS: [&str; 3] = ["team", "cost", "stage"];

const NET: &str = r#"
Parameters:
  Cidr: { Type: String, Default: 10.0.0.0/16 }
  Size: { Type: Number, Default: 1, MinValue: 1, MaxValue: 99 }
Resources:
  Network: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Ref Cidr } }
Outputs:
  Id: { Value: !Ref Network }
  Name: { Value: !Ref Cidr }
"#;
const ZONE: &str = r#"
Parameters:
  Zone: { Type: String, MinLength: 3 }
  Note: { Type: String, Default: none }
Resources:
  Zoned: { Type: AWS::Route53::HostedZone, Properties: { Name: !Ref Zone } }
Outputs:
  Id: { Value: !Ref Zoned }
  Name: { Value: !Ref Zone }
"#;
const WEB: &str = r#"
Parameters:
  Upstream: { Type: String, Default: none }
  Password: { Type: String, NoEcho: true, Default: changeme }
  Instances: { Type: Number, Default: 2 }
Resources:
  Instance: { Type: AWS::EC2::Instance, Properties: { SubnetId: !Ref Upstream } }
Outputs:
  Id: { Value: !Ref Instance }
  Name: { Value: !Sub "https://${Upstream}/" }
"#;

pub const TEMPLATES: [(&str, &str); 3] =
    [("templates/net.yaml", NET), ("templates/zone.yaml", ZONE), ("templates/web.yaml", WEB)];

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Net,
    Zone,
    Web,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Net => "net",
            Kind::Zone => "zone",
            Kind::Web => "web",
        }
    }
}

/// One block of the files.
#[derive(Debug, Clone)]
pub struct Block {
    pub key: String,
    /// Written only where it has to be.
    pub name: Option<String>,
    pub kind: Kind,
    pub version: &'static str,
    pub owner: Option<&'static str>,
    pub launch_role: Option<&'static str>,
    /// The text of one parameter; `None` when parameters are not managed.
    pub text: Option<String>,
    pub secret_version: u32,
    pub tags: Option<BTreeMap<&'static str, String>>,
    /// Its main parameter is an output of this block, by number.
    pub reads: Option<usize>,
    pub depends_on: Option<usize>,
}

/// The files of a project, as far as they are random.
#[derive(Debug, Clone)]
pub struct Files {
    /// By number, so that a key can change without its references being lost.
    pub blocks: BTreeMap<usize, Block>,
}

pub fn arn(short: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{short}")
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}

fn text(rng: &mut Rng, kind: Kind) -> String {
    match kind {
        Kind::Net => format!("10.{}.0.0/16", rng.u8(0..4)),
        _ => format!("text-{}", rng.u8(0..4)),
    }
}

fn tags(rng: &mut Rng) -> BTreeMap<&'static str, String> {
    TAG_KEYS.into_iter().flat_map(|key| chance(rng, 50).then(|| (key, format!("v{}", rng.u8(0..3))))).collect()
}

fn block(rng: &mut Rng, number: usize, before: &[usize]) -> Block {
    let kind = pick(rng, &[Kind::Net, Kind::Zone, Kind::Web]);
    // A zone has a parameter without a default, and who manages none cannot launch it.
    let managed = kind == Kind::Zone || chance(rng, 75);
    let other = |rng: &mut Rng, percent| (!before.is_empty() && chance(rng, percent)).then(|| pick(rng, before));
    Block {
        key: format!("p{number}"),
        name: None,
        kind,
        version: pick(rng, &["1", "2"]),
        owner: chance(rng, 60).then(|| pick(rng, &OWNERS)),
        launch_role: chance(rng, 50).then(|| pick(rng, &LAUNCH_ROLES)),
        text: managed.then(|| text(rng, kind)),
        secret_version: 1,
        tags: chance(rng, 50).then(|| tags(rng)),
        reads: if managed { other(rng, 40) } else { None },
        depends_on: other(rng, 25),
    }
}

impl Files {
    pub fn random(rng: &mut Rng, count: usize) -> Files {
        let mut blocks = BTreeMap::new();
        for number in 0..count {
            let before: Vec<usize> = blocks.keys().copied().collect();
            blocks.insert(number, block(rng, number, &before));
        }
        Files { blocks }
    }

    /// What somebody does to the files later: renames, deletes, adds and changes.
    pub fn edited(&self, rng: &mut Rng) -> Files {
        let mut files = self.clone();
        for number in self.blocks.keys() {
            let needed = files.blocks.values().any(|b| b.reads == Some(*number) || b.depends_on == Some(*number));
            if !needed && chance(rng, 15) {
                files.blocks.remove(number);
                continue;
            }
            let Some(block) = files.blocks.get_mut(number) else { continue };
            if chance(rng, 15) {
                block.name.get_or_insert_with(|| block.key.clone());
                block.key = format!("{}-moved", block.key);
            } else if chance(rng, 10) {
                block.name = Some(format!("{}-new", block.name.clone().unwrap_or_else(|| block.key.clone())));
            }
            if chance(rng, 30) {
                block.version = pick(rng, &["1", "2"]);
            }
            if chance(rng, 30) {
                block.owner = Some(pick(rng, &OWNERS));
            }
            if chance(rng, 25) {
                block.launch_role = Some(pick(rng, &LAUNCH_ROLES));
            }
            if block.text.is_some() && chance(rng, 40) {
                block.text = Some(text(rng, block.kind));
            }
            if chance(rng, 20) {
                block.secret_version += 1;
            }
            if chance(rng, 30) {
                block.tags = Some(tags(rng));
            }
        }
        let next = self.blocks.keys().max().map_or(0, |last| last + 1);
        for number in next..next + rng.usize(0..3) {
            let before: Vec<usize> = files.blocks.keys().copied().collect();
            files.blocks.insert(number, block(rng, number, &before));
        }
        files
    }

    /// The text of `tenure.toml`, its blocks in an order of their own.
    pub fn toml(&self, order: &mut Rng) -> String {
        let mut tables: Vec<String> = self.blocks.values().map(|block| self.table(block)).collect();
        order.shuffle(&mut tables);
        format!(
            "[project]\nname = \"random\"\n\n[target.prod]\nprovider = \"aws\"\nregion = \"eu-west-1\"\naccount = \"{ACCOUNT}\"\nendpoint = \"sandbox:\"\n\n{}",
            tables.join("\n")
        )
    }

    fn table(&self, block: &Block) -> String {
        let mut table = format!("[provisioned_product.{}]\ntarget = \"prod\"\n", block.key);
        let mut line = |text: String| {
            table.push_str(&text);
            table.push('\n');
        };
        line(format!("product = \"{}\"", block.kind.word()));
        line(format!("version = \"{}\"", block.version));
        for (key, value) in
            [("name", block.name.as_deref()), ("owner", block.owner), ("launch_role", block.launch_role)]
        {
            if let Some(value) = value {
                line(format!("{key} = \"{value}\""));
            }
        }
        if let Some(other) = block.depends_on {
            line(format!("depends_on = [\"{}\"]", self.blocks[&other].key));
        }
        let read = block.reads.map(|other| {
            let output = if other % 2 == 0 { "Id" } else { "Name" };
            format!("${{provisioned_product.{}.outputs.{output}}}", self.blocks[&other].key)
        });
        if let Some(text) = read.or_else(|| block.text.clone()).filter(|_| block.text.is_some()) {
            let parameter = match block.kind {
                Kind::Net => "Cidr",
                Kind::Zone => "Zone",
                Kind::Web => "Upstream",
            };
            line(format!("parameters.{parameter} = \"{text}\""));
            if block.kind == Kind::Web {
                line(format!(
                    "parameters.Password = {{ secret = \"env:PASSWORD\", version = {} }}",
                    block.secret_version
                ));
            }
        }
        if let Some(tags) = &block.tags {
            let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect();
            line(format!("tags = {{ {} }}", pairs.join(", ")));
        }
        table
    }

    /// A world in which some of the blocks exist already, in some other state, beside things that are nobody's business.
    pub fn seed(&self, rng: &mut Rng, faults: &str) -> String {
        let mut seed = format!(
            "seed = {}\n\n[account.\"{ACCOUNT}\"]\nprovider = \"aws\"\nregions = [\"eu-west-1\"]\n\n\
             [principal.admin]\narn = \"{}\"\naccess_key_id = \"AKIAADMIN\"\nsecret_access_key = \"x\"\n\n\
             [portfolio.all]\naccount = \"{ACCOUNT}\"\nname = \"All\"\nprincipals = [\"admin\"]\n\
             constraints = [{}]\n",
            rng.u32(..),
            arn("role/Admin"),
            ["net", "zone", "web"]
                .map(|kind| format!("{{ product = \"{kind}\", type = \"RESOURCE_UPDATE\" }}"))
                .join(", "),
        );
        for kind in ["net", "zone", "web"] {
            let _ = writeln!(seed, "\n[product.{kind}]\nportfolios = [\"all\"]");
            for (version, seconds) in [("1", rng.u8(1..90)), ("2", rng.u8(1..90))] {
                let _ = writeln!(
                    seed,
                    "[[product.{kind}.version]]\nname = \"{version}\"\ntemplate = \"templates/{kind}.yaml\"\nduration = \"{seconds}s\"",
                );
            }
        }
        let foreign = (0..rng.usize(0..3)).map(|n| (format!("foreign-{n}"), pick(rng, &[Kind::Net, Kind::Web])));
        let foreign: Vec<_> = foreign.collect();
        let there: Vec<(String, Kind)> =
            self.blocks.values().filter(|_| chance(rng, 40)).map(|block| (block.key.clone(), block.kind)).collect();
        for (name, kind) in there.into_iter().chain(foreign) {
            let _ = writeln!(
                seed,
                "\n[provisioned_product.{name}]\nproduct = \"{}\"\nversion = \"{}\"\nowner = \"{}\"",
                kind.word(),
                pick(rng, &["1", "2"]),
                arn(pick(rng, &OWNERS)),
            );
            if chance(rng, 50) {
                let _ = writeln!(seed, "launch_role = \"{}\"", arn(pick(rng, &LAUNCH_ROLES)));
            }
            let main = match kind {
                Kind::Net => "Cidr",
                Kind::Zone => "Zone",
                Kind::Web => "Upstream",
            };
            let _ = writeln!(seed, "parameters = {{ {main} = \"{}\" }}", text(rng, kind));
            let pairs: Vec<String> = tags(rng).into_iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect();
            let _ = writeln!(seed, "tags = {{ {} }}", pairs.join(", "));
        }
        seed.push_str(faults);
        seed
    }
}
