//! Who sends and receives what: the truth that the catalogue is compared with.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sycee_contract::{Command, Effect, Event, Message, Rejection};

use crate::cache::{AnyTable, Table};
use crate::payload::{Answer, Payload, Vt, from_versioned_bytes, vt_of};
use crate::resident::{AnyResident, Resident};
use crate::storage::{MigrationTree, Reader, TableSpec};
use crate::{Entity, Fault, Halt, Handled, Work};

pub(crate) type CommandFn = Arc<dyn Fn(&mut Work<'_>, &dyn Any) -> Handled<Answer> + Send + Sync>;
pub(crate) type EventFn = Arc<dyn Fn(&mut Work<'_>, &dyn Any) -> Handled<()> + Send + Sync>;
pub(crate) type RefusalFn = Arc<dyn Fn(&mut Work<'_>, &dyn Any, &Rejection) -> Handled<()> + Send + Sync>;
pub(crate) type ConsultFn =
    Arc<dyn Fn(&mut Work<'_>, &dyn Any, &dyn Any) -> Handled<Box<dyn Any + Send + Sync>> + Send + Sync>;

pub(crate) struct Handler {
    pub service: &'static str,
    pub run: CommandFn,
    pub vt: &'static Vt,
    pub query: bool,
    pub decode: fn(&[u8]) -> Result<Payload, Fault>,
    pub decode_answer: fn(&[u8]) -> Result<Answer, Fault>,
}

pub(crate) struct Subscriber {
    pub service: &'static str,
    pub run: EventFn,
}

pub(crate) struct EntityInfo {
    pub spec: &'static TableSpec,
    pub owner: &'static str,
    pub type_id: TypeId,
    pub table: fn(&'static TableSpec, i64) -> Box<dyn AnyTable>,
    pub digest: fn(&mut dyn Reader, &Arc<crate::seal::KeyRing>, &mut blake3::Hasher) -> Result<u64, Fault>,
}

type LoadResident = fn(&mut dyn Reader) -> Result<Box<dyn AnyResident>, Fault>;

pub(crate) struct ResidentInfo {
    pub type_id: TypeId,
    pub tables: fn() -> &'static [&'static TableSpec],
    pub load: LoadResident,
}

/// Everything the services of a market registered.
#[derive(Default)]
pub struct Registry {
    pub(crate) services: Vec<&'static str>,
    pub(crate) handlers: FxHashMap<TypeId, Handler>,
    pub(crate) subscribers: FxHashMap<TypeId, Vec<Subscriber>>,
    pub(crate) refusals: FxHashMap<(&'static str, TypeId), RefusalFn>,
    pub(crate) participants: FxHashMap<TypeId, Vec<(&'static str, ConsultFn)>>,
    pub(crate) senders: FxHashMap<TypeId, Vec<&'static str>>,
    pub(crate) doors: FxHashMap<TypeId, Vec<&'static str>>,
    pub(crate) entities: Vec<EntityInfo>,
    pub(crate) residents: Vec<ResidentInfo>,
    pub(crate) by_id: BTreeMap<&'static str, TypeId>,
    pub(crate) effects: BTreeMap<&'static str, DecodeEffect>,
    pub(crate) ids: BTreeMap<TypeId, &'static str>,
    /// In tests of one domain: messages to services that are not there are recorded instead of being faults.
    pub(crate) lenient: bool,
    pub(crate) stand_ins: FxHashMap<TypeId, CommandFn>,
    migrations: MigrationTree,
}

pub(crate) type DecodeEffect = fn(&[u8]) -> Result<Payload, Fault>;

impl Registry {
    /// An empty registry with the runtime's own tables.
    pub fn new() -> Self {
        let mut registry = Self::default();
        crate::system::register(&mut registry);
        registry
    }

    /// Registers what `service` has and does.
    pub fn service(&mut self, service: &'static str) -> ServiceBuilder<'_> {
        if !self.services.contains(&service) {
            self.services.push(service);
        }
        ServiceBuilder { registry: self, service }
    }

    /// Registered services, in order of registration.
    pub fn services(&self) -> &[&'static str] {
        &self.services
    }

    /// Tables of all entities, residents and the runtime.
    pub fn tables(&self) -> Vec<&'static TableSpec> {
        let mut tables = vec![crate::system::message_log(), crate::system::log_name(), crate::system::person_key()];
        tables.extend(self.entities.iter().map(|info| info.spec));
        for table in self.residents.iter().flat_map(|resident| (resident.tables)()) {
            // Two views of one memory may share a table.
            if !tables.iter().any(|known: &&TableSpec| known.name == table.name) {
                tables.push(table);
            }
        }
        tables
    }

    /// The numbered files that make these tables; applied when a market is opened.
    pub fn migrations(&self) -> &MigrationTree {
        &self.migrations
    }

    /// Says which numbered files make these tables.
    pub fn migrated_by(&mut self, migrations: MigrationTree) {
        self.migrations = migrations;
    }

    /// Who answers a command, by message id.
    pub fn owner_of(&self, message: &str) -> Option<&'static str> {
        let type_id = self.by_id.get(message)?;
        self.handlers.get(type_id).map(|handler| handler.service)
    }

    /// Who subscribes to an event, or takes part in a command, by message id.
    pub fn receivers_of(&self, message: &str) -> Vec<&'static str> {
        let Some(type_id) = self.by_id.get(message) else { return Vec::new() };
        let mut all: Vec<&'static str> = Vec::new();
        all.extend(self.handlers.get(type_id).map(|handler| handler.service));
        all.extend(self.subscribers.get(type_id).into_iter().flatten().map(|subscriber| subscriber.service));
        all.extend(self.participants.get(type_id).into_iter().flatten().map(|(service, _)| *service));
        all
    }

    /// Who sends a command, emits an event, or passes one of them on from outside, by message id.
    pub fn senders_of(&self, message: &str) -> Vec<&'static str> {
        let Some(type_id) = self.by_id.get(message) else { return Vec::new() };
        let (senders, doors) = (self.senders.get(type_id), self.doors.get(type_id));
        senders.into_iter().chain(doors).flatten().copied().collect()
    }

    /// Whether `service` said that it sends messages of this type.
    pub(crate) fn may_send(&self, service: &str, type_id: TypeId) -> bool {
        self.senders.get(&type_id).is_some_and(|services| services.contains(&service))
    }

    /// Whether messages of this type may come from outside through `service`; its own timers come through it, too.
    pub(crate) fn may_pass_on(&self, service: &str, type_id: TypeId) -> bool {
        self.may_send(service, type_id) || self.doors.get(&type_id).is_some_and(|services| services.contains(&service))
    }

    pub(crate) fn know<M: Message>(&mut self) -> TypeId {
        let type_id = TypeId::of::<M>();
        self.by_id.insert(M::ID, type_id);
        self.ids.insert(type_id, M::ID);
        type_id
    }

    pub(crate) fn know_effect<F: Effect>(&mut self) {
        self.effects.insert(F::KIND, |bytes| {
            from_versioned_bytes(F::KIND, bytes, F::decode).map(|effect| Arc::new(effect) as Payload)
        });
    }
}

/// Registers one service.
pub struct ServiceBuilder<'a> {
    registry: &'a mut Registry,
    service: &'static str,
}

impl ServiceBuilder<'_> {
    /// A table of this service.
    pub fn entity<E: Entity>(&mut self) -> &mut Self {
        assert!(E::OWNER == self.service, "{} belongs to {}, not to {}", E::NAME, E::OWNER, self.service);
        // Descriptions live as long as the program; a registry is made once.
        let spec: &'static TableSpec = Box::leak(Box::new(E::spec()));
        self.registry.entities.push(EntityInfo {
            spec,
            owner: E::OWNER,
            type_id: TypeId::of::<E>(),
            table: |spec, known_above| Box::new(Table::<E>::new(spec, known_above)),
            digest: crate::digest::digest_table::<E>,
        });
        self
    }

    /// State of this service that lives in memory.
    pub fn resident<R: Resident>(&mut self) -> &mut Self {
        assert!(R::OWNER == self.service, "a resident belongs to {}, not to {}", R::OWNER, self.service);
        self.registry.residents.push(ResidentInfo {
            type_id: TypeId::of::<R>(),
            tables: R::tables,
            load: |reader| R::load(reader).map(|state| Box::new(state) as Box<dyn AnyResident>),
        });
        self
    }

    /// This service answers command `C`.
    pub fn handles<C: Command>(
        &mut self,
        run: impl Fn(&mut Work<'_>, &C) -> Handled<C::Answer> + Send + Sync + 'static,
    ) -> &mut Self {
        assert!(C::OWNER == self.service, "{} is answered by {}, not by {}", C::ID, C::OWNER, self.service);
        let type_id = self.registry.know::<C>();
        let handler = Handler {
            service: self.service,
            run: Arc::new(move |work, payload| run(work, typed::<C>(payload)?).map(Answer::of::<C>)),
            vt: vt_of::<C>(),
            query: C::NATURE == sycee_contract::Nature::Query,
            decode: |bytes| from_versioned_bytes(C::ID, bytes, C::decode).map(|command| Arc::new(command) as Payload),
            decode_answer: |bytes| from_versioned_bytes(C::ID, bytes, C::decode_answer).map(Answer::of::<C>),
        };
        assert!(self.registry.handlers.insert(type_id, handler).is_none(), "{} has two handlers", C::ID);
        self
    }

    /// This service sends command `C`, asks it, or sets it as a timer.
    pub fn sends<C: Command>(&mut self) -> &mut Self {
        let type_id = self.registry.know::<C>();
        self.registry.senders.entry(type_id).or_default().push(self.service);
        self
    }

    /// This service emits event `E`.
    pub fn emits<E: Event>(&mut self) -> &mut Self {
        assert!(E::PRODUCERS.contains(&self.service), "{} is no producer of {}", self.service, E::ID);
        let type_id = self.registry.know::<E>();
        self.registry.senders.entry(type_id).or_default().push(self.service);
        self
    }

    /// This service is the door through which messages `M` come in from outside.
    pub fn passes_on<M: Message>(&mut self) -> &mut Self {
        let type_id = self.registry.know::<M>();
        self.registry.doors.entry(type_id).or_default().push(self.service);
        self
    }

    /// This service hears event `E`.
    pub fn on<E: Event>(
        &mut self,
        run: impl Fn(&mut Work<'_>, &E) -> Handled<()> + Send + Sync + 'static,
    ) -> &mut Self {
        let type_id = self.registry.know::<E>();
        let subscriber =
            Subscriber { service: self.service, run: Arc::new(move |work, payload| run(work, typed::<E>(payload)?)) };
        self.registry.subscribers.entry(type_id).or_default().push(subscriber);
        self
    }

    /// This service, having sent `C`, hears that it was refused.
    ///
    /// When `run` refuses in turn, whoever sent the command in which this service sent `C` hears of that, if it listens;
    /// else the stimulus is refused. What `run` did is undone; what the command did before stays.
    pub fn on_refusal<C: Command>(
        &mut self,
        run: impl Fn(&mut Work<'_>, &C, &Rejection) -> Handled<()> + Send + Sync + 'static,
    ) -> &mut Self {
        let type_id = self.registry.know::<C>();
        self.registry.refusals.insert(
            (self.service, type_id),
            Arc::new(move |work, payload, rejection| run(work, typed::<C>(payload)?, rejection)),
        );
        self
    }

    /// This service contributes when the owner of `C` consults.
    pub fn participates<C: Command>(
        &mut self,
        run: impl Fn(&mut Work<'_>, &C, &[C::Contribution]) -> Handled<C::Contribution> + Send + Sync + 'static,
    ) -> &mut Self {
        assert!(C::PARTICIPANTS.contains(&self.service), "{} does not take part in {}", self.service, C::ID);
        let type_id = self.registry.know::<C>();
        let consult: ConsultFn = Arc::new(move |work, payload, earlier| {
            let earlier = earlier.downcast_ref::<Vec<C::Contribution>>().ok_or_else(wrong_type)?;
            let contribution = run(work, typed::<C>(payload)?, earlier)?;
            Ok(Box::new(contribution) as Box<dyn Any + Send + Sync>)
        });
        let all = self.registry.participants.entry(type_id).or_default();
        all.push((self.service, consult));
        let order = |service: &str| C::PARTICIPANTS.iter().position(|name| *name == service);
        all.sort_by_key(|(service, _)| order(service));
        self
    }
}

fn wrong_type() -> Halt {
    Halt::Fault(Fault::bug("a payload has another type than its handler"))
}

pub(crate) fn typed<T: 'static>(payload: &dyn Any) -> Handled<&T> {
    payload.downcast_ref::<T>().ok_or_else(wrong_type)
}
