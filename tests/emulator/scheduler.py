"""The part of ECS that moto does not play: a service's tasks start, join their target groups, and stop.

Per service of controller ECS and for each tick: tasks of the primary deployment rise to the desired count (PENDING for
one tick, then RUNNING), running tasks are registered as ip targets, surplus tasks and, once the primary is up, tasks of
older deployments are stopped and deregistered; the deployment list and the counts follow AWS's shape.

A container environment steers a task: NEVER_HEALTHY=1 keeps its targets unhealthy, NEVER_STARTS=1 keeps it PENDING.
"""

import sys
import threading
import traceback
import uuid

from moto.core.utils import utcnow
from moto.ecs.models import EC2ContainerServiceBackend, Task, ecs_backends
from moto.elbv2.models import elbv2_backends

import gaps

TICK_SECONDS = 0.3


class Scheduler:
    """Ticks every service of every account and region while holding the lock that requests hold."""

    def __init__(self, lock):
        self.lock = lock
        self.stopped = threading.Event()
        self.trouble = None
        keep_deployments()

    def start(self):
        threading.Thread(target=self._run, name="ecs-scheduler", daemon=True).start()

    def _run(self):
        while not self.stopped.wait(TICK_SECONDS):
            try:
                with self.lock:
                    self.tick()
            except Exception:  # a broken tick must be seen, once, and not end the thread in silence
                trace = traceback.format_exc()
                if trace != self.trouble:
                    print(trace, file=sys.stderr, flush=True)
                self.trouble = trace

    @staticmethod
    def tick():
        for account in list(ecs_backends.keys()):
            for backend in list(ecs_backends[account].values()):
                for service in list(backend.services.values()):
                    if service.deployment_controller["type"] == "ECS" and service.deployments:
                        Converge(backend, service).run()


class Converge:
    """One tick of one service."""

    def __init__(self, backend, service):
        self.backend = backend
        self.service = service
        self.tasks = backend.tasks.setdefault(service.cluster_name, {})
        self.elb = elbv2_backends[backend.account_id][backend.region_name]

    def run(self):
        service = self.service
        wanted = service.desired_count if service.status == "ACTIVE" else 0
        primary = service.deployments[0]
        primary["desiredCount"] = wanted
        for task in self.of(primary, "PENDING"):
            self.begin(task)
        alive = self.of(primary)
        for task in alive[wanted:]:
            self.stop(task)
        for _ in range(wanted - len(alive)):
            self.launch(primary)
        self.retire(primary, wanted)
        self.count()

    def of(self, deployment, *states):
        states = states or ("PENDING", "RUNNING")
        started = (task for task in self.tasks.values() if task.started_by == deployment["id"])
        mine = (task for task in started if task.group == f"service:{self.service.name}")
        return [task for task in mine if task.last_status in states]

    def launch(self, deployment):
        definition = self.backend.describe_task_definition(deployment["taskDefinition"])
        task = Task(
            cluster=self.backend._get_cluster(self.service.cluster_name),
            task_definition=definition,
            container_instance_arn=None,
            resource_requirements=None,
            backend=self.backend,
            group=f"service:{self.service.name}",
            launch_type=self.service.launch_type,
            started_by=deployment["id"],
            networking_configuration=self.service.network_configuration or None,
        )
        task.last_status = "PENDING"
        self.tasks[task.task_arn] = task

    def begin(self, task):
        if self.environment(task).get("NEVER_STARTS") == "1":
            return
        task.last_status = "RUNNING"
        for container in task.containers:
            container.last_status = "RUNNING"
        for group, port in self.groups():
            group.register([{"Id": address(task), "Port": port}])
            if self.environment(task).get("NEVER_HEALTHY") == "1":
                group.__dict__.setdefault("sick", set()).add(address(task))

    def stop(self, task):
        for group, _ in self.groups():
            if address(task) in group.targets:
                group.deregister([dict(group.targets[address(task)])])
        task.last_status = "STOPPED"
        task.desired_status = "STOPPED"
        task.stopped_reason = f"Scaling activity initiated by (deployment {task.started_by})"

    def retire(self, primary, wanted):
        """Older deployments go only when the new one stands: AWS keeps 100 % of the count healthy by default."""
        standing = len(self.of(primary, "RUNNING")) == wanted and self.healthy(primary)
        for deployment in self.service.deployments[1:]:
            if standing:
                for task in self.of(deployment):
                    self.stop(task)
        self.service.deployments[1:] = [d for d in self.service.deployments[1:] if self.of(d)]
        if standing and len(self.service.deployments) == 1 and primary["rolloutState"] != "COMPLETED":
            primary["rolloutState"] = "COMPLETED"
            primary["rolloutStateReason"] = f"ECS deployment {primary['id']} completed."
            message = f"(service {self.service.name}) has reached a steady state."
            self.service.events.insert(0, {"id": str(uuid.uuid4()), "createdAt": utcnow(), "message": message})

    def healthy(self, deployment):
        """ECS waits for the load balancer's opinion of every running task."""
        for group, port in self.groups():
            for task in self.of(deployment, "RUNNING"):
                target = {"Id": address(task), "Port": port}
                if group.health_for(target, self.elb.ec2_backend).status != "healthy":
                    return False
        return True

    def count(self):
        for deployment in self.service.deployments:
            running, pending = len(self.of(deployment, "RUNNING")), len(self.of(deployment, "PENDING"))
            if (deployment["runningCount"], deployment["pendingCount"]) != (running, pending):
                deployment["updatedAt"] = utcnow()
            deployment["runningCount"], deployment["pendingCount"] = running, pending
        self.service.running_count = sum(d["runningCount"] for d in self.service.deployments)
        self.service.pending_count = sum(d["pendingCount"] for d in self.service.deployments)

    def groups(self):
        for balancer in self.service.load_balancers:
            group = self.elb.target_groups.get(balancer.get("targetGroupArn"))
            if group is not None:
                yield group, balancer["containerPort"]

    def environment(self, task):
        definition = self.backend.describe_task_definition(task.task_definition_arn)
        pairs = (pair for container in definition.container_definitions for pair in container.get("environment") or [])
        return {pair["name"]: pair["value"] for pair in pairs}


def address(task):
    """The private address of an awsvpc task."""
    details = (detail for attachment in task.attachments for detail in attachment["details"])
    return next((detail["value"] for detail in details if detail["name"] == "privateIPv4Address"), None)


def keep_deployments():
    """AWS: UpdateService with another task definition starts a deployment; counts move only as tasks do.

    moto: jumps the running count to the desired one, keeps one deployment for ever, and keeps the short name it was
    given instead of the revision's ARN.
    """

    @gaps.wrap(EC2ContainerServiceBackend, "create_service")
    def create_service(original, self, *args, **kwargs):
        service = original(self, *args, **kwargs)
        for deployment in service.deployments:
            definition = self.describe_task_definition(service.task_definition)
            deployment["taskDefinition"] = definition.arn
        return service

    @gaps.wrap(EC2ContainerServiceBackend, "update_service")
    def update_service(original, self, properties):
        forced = properties.get("force_new_deployment", False)
        name = properties["service"].split("/")[-1]
        service = self._get_service(properties.get("cluster", "default"), name)
        before = service.task_definition
        counts = service.running_count, service.pending_count
        primary = dict(service.deployments[0]) if service.deployments else None
        original(self, properties)
        service.running_count, service.pending_count = counts
        if service.task_definition:
            service.task_definition = self.describe_task_definition(service.task_definition).arn
        if primary is None:
            return service
        service.deployments[0] = primary
        if forced or service.task_definition != before:
            replace_primary(service, primary)
        primary = service.deployments[0]
        primary["desiredCount"] = service.desired_count
        primary["updatedAt"] = utcnow()
        return service


def replace_primary(service, old):
    """The new deployment leads; the old one stays listed as ACTIVE until its tasks are gone."""
    new_id = f"ecs-svc/{uuid.uuid4().int % 10**19:019d}"
    new = dict(
        old,
        id=new_id,
        status="PRIMARY",
        taskDefinition=service.task_definition,
        createdAt=utcnow(),
        runningCount=0,
        pendingCount=0,
        failedTasks=0,
        rolloutState="IN_PROGRESS",
        rolloutStateReason=f"ECS deployment {new_id} in progress.",
        networkConfiguration=service.network_configuration or None,
    )
    old["status"] = "ACTIVE"
    service.deployments.insert(0, new)
