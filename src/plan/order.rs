//! In which order the steps run.
//!
//! Within one provisioned product: launch role, then update, then owner (the update runs as the launch role, and whoever
//! gives a product away may no longer see it). Across products: what is referred to comes first; terminations run the
//! other way; an owner is changed only when everything that still reads the product has succeeded.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Inputs;
use super::draft::Draft;
use crate::ledger::Managed;
use crate::model::{Address, Request, Step, StepId, StepKind};

/// The addresses in an order in which everything comes after what it needs, or the cycles that make that impossible.
pub fn addresses<'a>(inputs: &Inputs<'a>) -> Result<Vec<&'a Address>, Vec<Vec<Address>>> {
    let mut graph = DiGraph::<&Address, ()>::new();
    let desired = inputs.project.desired.keys();
    let nodes: BTreeMap<&Address, NodeIndex> =
        desired.filter(|address| inputs.scope.contains(*address)).map(|a| (a, graph.add_node(a))).collect();
    let mut selfish = BTreeSet::new();
    for (address, node) in &nodes {
        for needed in inputs.needs(address) {
            if needed == *address {
                selfish.insert(*node);
            }
            if let Some(other) = nodes.get(needed) {
                graph.add_edge(*node, *other, ());
            }
        }
    }
    // Tarjan yields a component after everything that it points to: what is needed comes first.
    let components = tarjan_scc(&graph);
    let cycles: Vec<Vec<Address>> = components
        .iter()
        .filter(|component| component.len() > 1 || selfish.contains(&component[0]))
        .map(|component| round(&graph, component))
        .collect();
    if cycles.is_empty() { Ok(components.into_iter().flatten().map(|node| graph[node]).collect()) } else { Err(cycles) }
}

/// One way round a component, beginning and ending at its first address.
fn round(graph: &DiGraph<&Address, ()>, component: &[NodeIndex]) -> Vec<Address> {
    let inside: BTreeSet<NodeIndex> = component.iter().copied().collect();
    let start = component.iter().copied().min_by_key(|node| graph[*node]).unwrap_or(component[0]);
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = graph.neighbors(node).filter(|other| inside.contains(other)).collect();
        next.sort_by_key(|other| graph[*other]);
        if next.contains(&start) {
            let mut path = vec![start, node];
            let mut at = node;
            while at != start {
                at = came_from[&at];
                path.push(at);
            }
            path.dedup();
            if path.len() == 1 {
                path.push(start);
            }
            path.reverse();
            return path.into_iter().map(|node| graph[node].clone()).collect();
        }
        for other in next {
            if other != start && !came_from.contains_key(&other) {
                came_from.insert(other, node);
                queue.push_back(other);
            }
        }
    }
    component.iter().map(|node| graph[*node].clone()).collect()
}

/// The nodes of one product, where it has them.
#[derive(Default)]
struct Chain {
    /// Launch role, provision and update, in order.
    work: Vec<NodeIndex>,
    /// Those of `work` that read other products' outputs or change its own.
    provisioning: Option<NodeIndex>,
    owner: Option<NodeIndex>,
    terminate: Vec<NodeIndex>,
}

struct Node<'a> {
    draft: &'a Draft,
    kind: StepKind,
    request: Cow<'a, Request>,
}

/// The steps of all drafts, numbered in an order in which they can run one after the other. The ledger says what an
/// address needed when it was last applied: a termination waits for whoever lets go of it.
pub fn steps(drafts: &BTreeMap<Address, Draft>, managed: &BTreeMap<Address, Managed>) -> Vec<Step> {
    let mut graph = DiGraph::<Node<'_>, ()>::new();
    let mut chains: BTreeMap<&Address, Chain> = BTreeMap::new();
    for (address, draft) in drafts {
        chains.insert(address, chain(&mut graph, draft));
    }
    let mut edges: Vec<(NodeIndex, NodeIndex)> = Vec::new();
    for (address, draft) in drafts {
        let own = &chains[address];
        // What a renamed product needed stands in the ledger under its former address.
        let former = managed.get(draft.moved_from().unwrap_or(address)).map(|managed| &managed.declaration.needs);
        let removed = own.work.is_empty() && own.owner.is_none();
        for needed in draft.needs.iter().chain(former.into_iter().flatten()) {
            let Some(other) = chains.get(needed) else { continue };
            if draft.needs.contains(needed) && !removed {
                wait(&mut edges, own.work.first().or(own.owner.as_ref()), other.work.last());
                wait(&mut edges, other.owner.as_ref(), own.provisioning.as_ref());
            }
            for terminate in &other.terminate {
                // The old one goes when nobody needs it any more: neither a survivor nor one that goes itself.
                wait(&mut edges, Some(terminate), own.work.last());
                for mine in &own.terminate {
                    wait(&mut edges, Some(terminate), Some(mine));
                }
            }
        }
    }
    for (later, earlier) in edges {
        graph.update_edge(earlier, later, ());
    }
    number(&graph)
}

fn wait(edges: &mut Vec<(NodeIndex, NodeIndex)>, later: Option<&NodeIndex>, earlier: Option<&NodeIndex>) {
    if let (Some(later), Some(earlier)) = (later, earlier)
        && later != earlier
    {
        edges.push((*later, *earlier));
    }
}

fn chain<'a>(graph: &mut DiGraph<Node<'a>, ()>, draft: &'a Draft) -> Chain {
    let mut chain = Chain::default();
    let ordered = [&draft.provision, &draft.launch_role, &draft.update, &draft.owner];
    let mut last: Option<NodeIndex> = None;
    for request in ordered.into_iter().flatten() {
        let kind = request.kind();
        for node in nodes(draft, request) {
            let node = follow(graph, &mut last, node);
            if kind == StepKind::SetOwner {
                chain.owner = Some(node);
            } else {
                chain.work.push(node);
            }
            if matches!(kind, StepKind::Provision | StepKind::Update) {
                chain.provisioning = Some(node);
            }
        }
    }
    // A replaced product goes last; two terminations of one address run one after the other.
    for request in &draft.terminate {
        for node in nodes(draft, request) {
            chain.terminate.push(follow(graph, &mut last, node));
        }
    }
    chain
}

/// Puts a node after the one before it.
fn follow<'a>(graph: &mut DiGraph<Node<'a>, ()>, last: &mut Option<NodeIndex>, node: Node<'a>) -> NodeIndex {
    let node = graph.add_node(node);
    if let Some(last) = last.replace(node) {
        graph.add_edge(last, node, ());
    }
    node
}

/// One write; or, where it takes approval, handing it in and carrying it out.
fn nodes<'a>(draft: &'a Draft, request: &'a Request) -> Vec<Node<'a>> {
    if !draft.approvals.contains(&request.kind()) {
        return vec![Node { draft, kind: request.kind(), request: Cow::Borrowed(request) }];
    }
    let change = || Box::new(request.clone());
    let execute = |preparation| Request::Execute { change: change(), preparation };
    let requests = match draft.prepared.as_ref().filter(|prepared| prepared.change == *request) {
        Some(prepared) => vec![execute(prepared.id.clone())],
        None => {
            let prepare = Request::Prepare { change: change(), supersedes: draft.superseded_by(request) };
            vec![prepare, execute(String::new())]
        }
    };
    requests.into_iter().map(|request| Node { draft, kind: request.kind(), request: Cow::Owned(request) }).collect()
}

/// Numbers the nodes: of all that could come next the one whose product has work to do, then by address, so that a
/// product's steps stand together and mere transfers of ownership can be read as one group.
fn number(graph: &DiGraph<Node<'_>, ()>) -> Vec<Step> {
    let rank = |node: NodeIndex| {
        let Node { draft, kind, request } = &graph[node];
        let class = match request.change().kind() {
            StepKind::Terminate => 2,
            StepKind::SetOwner
                if draft.provision.is_none() && draft.update.is_none() && draft.launch_role.is_none() =>
            {
                1
            }
            _ => 0,
        };
        (class, &draft.address, *kind, node.index())
    };
    let done = |ids: &[StepId], node: NodeIndex| ids[node.index()] != StepId(0);
    let mut open: Vec<usize> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, Direction::Incoming).count()).collect();
    let mut ready: BinaryHeap<Reverse<_>> =
        graph.node_indices().filter(|node| open[node.index()] == 0).map(|node| Reverse((rank(node), node))).collect();
    let mut ids: Vec<StepId> = vec![StepId(0); graph.node_count()];
    let mut steps = Vec::with_capacity(graph.node_count());
    while steps.len() < graph.node_count() {
        // The ledger may remember needs that were turned round over several runs. A step that waits for itself in such a
        // circle would otherwise vanish from the plan: the first of the circle goes first.
        let forced = || graph.node_indices().filter(|node| !done(&ids, *node)).min_by_key(|node| rank(*node));
        let Some(node) = ready.pop().map(|Reverse((_, node))| node).or_else(forced) else { break };
        if done(&ids, node) {
            continue;
        }
        let id = StepId(steps.len() as u32 + 1);
        ids[node.index()] = id;
        let Node { draft, kind, request } = &graph[node];
        steps.push(Step {
            id,
            address: draft.address.clone(),
            kind: *kind,
            after: graph
                .neighbors_directed(node, Direction::Incoming)
                .filter(|before| done(&ids, *before))
                .map(|before| ids[before.index()])
                .collect(),
            request: request.clone().into_owned(),
            timeout_seconds: draft.timeout_seconds,
        });
        for next in graph.neighbors_directed(node, Direction::Outgoing) {
            open[next.index()] -= 1;
            if open[next.index()] == 0 && !done(&ids, next) {
                ready.push(Reverse((rank(next), next)));
            }
        }
    }
    steps
}
