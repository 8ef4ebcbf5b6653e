//! Whose words a request is in, told by the scheme that it is signed with.

use bytes::Bytes;
use http::{Request, Response};

use super::alibaba::{self, Nonces};
use super::aws;
use super::world::World;
use super::world::model::Millis;

/// What the service behind the sandbox is told with each request.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The clocks that a request may have been signed by.
    pub clocks: Vec<Millis>,
    /// A number that changes with every call of this process: what unsorted pages are shuffled by.
    pub shuffle: u64,
    /// The nonces that have been used, where a service refuses to see one twice.
    pub nonces: &'a mut Nonces,
}

/// A request whose service and operation are known and whose sender is not yet.
pub enum Call<'a> {
    Aws(aws::Call<'a>),
    Alibaba(alibaba::Call<'a>),
}

impl<'a> Call<'a> {
    /// Finds out what a request is for; an answer to it if that cannot be found out.
    pub fn read(request: &'a Request<Bytes>) -> Result<Call<'a>, Box<Response<Bytes>>> {
        if alibaba::speaks(request) {
            alibaba::Call::read(request).map(Call::Alibaba)
        } else {
            aws::Call::read(request).map(Call::Aws)
        }
    }

    /// What is asked for, as the client calls it.
    pub fn operation(&self) -> &str {
        match self {
            Call::Aws(call) => &call.operation,
            Call::Alibaba(call) => &call.operation,
        }
    }

    /// Whether the operation may change the world.
    pub fn is_write(&self) -> bool {
        match self {
            Call::Aws(call) => call.is_write(),
            Call::Alibaba(call) => call.is_write(),
        }
    }

    /// The answer of an overloaded service.
    pub fn throttled(&self) -> Response<Bytes> {
        match self {
            Call::Aws(call) => call.throttled(),
            Call::Alibaba(call) => call.throttled(),
        }
    }

    /// The answer of a service that is out of order.
    pub fn broken(&self) -> Response<Bytes> {
        match self {
            Call::Aws(call) => call.broken(),
            Call::Alibaba(call) => call.broken(),
        }
    }

    /// Verifies who asks and answers.
    pub fn answer(&self, world: &mut World, surroundings: &mut Surroundings<'_>) -> Response<Bytes> {
        match self {
            Call::Aws(call) => call.answer(world, surroundings),
            Call::Alibaba(call) => call.answer(world, surroundings),
        }
    }
}
