//! From the names that the files give to the ids that the cloud knows.

use crate::model::{CatalogProduct, LaunchPath, Located, Lookup, Version};
use crate::problem::{Problem, nearest};

/// How many candidates an error lists before it says how many more there are.
const CANDIDATES_MAX: usize = 12;

/// The catalog product that a name or id stands for.
pub fn product<'a>(asked: &Located<String>, target: &str, lookup: &'a Lookup) -> Result<&'a CatalogProduct, Problem> {
    let name = &asked.value;
    match lookup {
        Lookup::Found(product) => Ok(product),
        Lookup::Missing { visible } => {
            let problem = Problem::input(format!("target `{target}` shows no product `{name}`")).at(&asked.place);
            Err(match nearest(name, visible.iter().map(String::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None if visible.is_empty() => {
                    problem.hint("this identity sees no products at all: is it associated with a portfolio?")
                }
                None => problem.hint(format!("it shows {}", candidates(visible.iter().map(String::as_str)))),
            })
        }
        Lookup::Ambiguous { candidates: ids } => {
            Err(Problem::input(format!("target `{target}` shows several products named `{name}`"))
                .at(&asked.place)
                .hint(format!("write the id: {}", candidates(ids.iter().map(String::as_str)))))
        }
    }
}

/// The version that a name or id stands for. Names are not unique: of several the one that already runs is meant.
pub fn version<'a>(
    asked: &Located<String>,
    product: &'a CatalogProduct,
    running: Option<&str>,
) -> Result<&'a Version, Problem> {
    let name = &asked.value;
    if let Some(version) = product.versions.iter().find(|version| version.id == *name) {
        return Ok(version);
    }
    let named: Vec<&Version> = product.versions.iter().filter(|version| version.name == *name).collect();
    match named.as_slice() {
        [version] => Ok(version),
        [] => {
            let near = nearest(name, product.versions.iter().map(|version| version.name.as_str()));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let problem =
                Problem::input(format!("product `{}` has no version `{name}`", product.name)).at(&asked.place);
            Err(if product.versions.is_empty() {
                problem.hint("it shows no versions to this identity")
            } else {
                problem.hint(format!("{near}it has {}", names(product)))
            })
        }
        several => match several.iter().find(|version| Some(version.id.as_str()) == running) {
            Some(version) => Ok(version),
            None => Err(Problem::input(format!("product `{}` has several versions named `{name}`", product.name))
                .at(&asked.place)
                .hint(format!("write the id: {}", candidates(several.iter().map(|version| version.id.as_str()))))),
        },
    }
}

/// The launch path to use. `current` is the id that the running product was launched through; path ids go stale, so it
/// counts only while it is still listed.
pub fn path<'a>(
    asked: Option<&Located<String>>,
    product: &'a CatalogProduct,
    current: Option<&str>,
    place: &crate::problem::Place,
    word: &str,
) -> Result<Option<&'a LaunchPath>, Problem> {
    let describe = |path: &LaunchPath| format!("{} ({})", path.name, path.id);
    let Some(asked) = asked else {
        return match product.paths.as_slice() {
            [] => Ok(None),
            [path] => Ok(Some(path)),
            _ if product.default_path && current.is_none() => Ok(None),
            several => match several.iter().find(|path| Some(path.id.as_str()) == current) {
                Some(path) => Ok(Some(path)),
                None if product.default_path => Ok(None),
                None => Err(Problem::input(format!("product `{}` has several {word}s", product.name)).at(place).hint(
                    format!(
                        "write one of them as `path`: {}",
                        several.iter().map(describe).collect::<Vec<_>>().join(", ")
                    ),
                )),
            },
        };
    };
    let name = &asked.value;
    let matching: Vec<&LaunchPath> =
        product.paths.iter().filter(|path| path.id == *name || path.name == *name).collect();
    match matching.as_slice() {
        [path] => Ok(Some(path)),
        [] if product.paths.is_empty() => Err(Problem::input(format!(
            "this identity sees no {word} to product `{}`, so `{name}` cannot be looked up",
            product.name
        ))
        .at(&asked.place)
        .hint("associate the identity that reads with the portfolio, or let `read_role_arn` be one that is")),
        [] => Err(Problem::input(format!("product `{}` has no {word} `{name}`", product.name)).at(&asked.place).hint(
            format!(
                "{}this identity sees {}",
                nearest(name, product.paths.iter().map(|path| path.name.as_str()))
                    .map(|near| format!("did you mean `{near}`? "))
                    .unwrap_or_default(),
                product.paths.iter().map(describe).collect::<Vec<_>>().join(", ")
            ),
        )),
        several => match several.iter().find(|path| Some(path.id.as_str()) == current) {
            Some(path) => Ok(Some(path)),
            None => Err(Problem::input(format!("product `{}` has several {word}s named `{name}`", product.name))
                .at(&asked.place)
                .hint(format!(
                    "write the id: {}",
                    several.iter().map(|path| path.id.as_str()).collect::<Vec<_>>().join(", ")
                ))),
        },
    }
}

/// The versions that can be launched, for somebody who chose one that cannot.
pub fn other_versions(product: &CatalogProduct) -> String {
    let active = product
        .versions
        .iter()
        .filter(|version| version.active && !version.deprecated)
        .map(|version| version.name.as_str());
    match candidates(active) {
        none if none.is_empty() => "all its versions are deprecated: ask whoever keeps the product".to_owned(),
        some => format!("write one that is not: {some}"),
    }
}

fn names(product: &CatalogProduct) -> String {
    candidates(product.versions.iter().map(|version| version.name.as_str()))
}

fn candidates<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let shown = all.iter().take(CANDIDATES_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(CANDIDATES_MAX) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
