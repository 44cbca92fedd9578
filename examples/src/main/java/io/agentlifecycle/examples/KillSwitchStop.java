package io.agentlifecycle.examples;

import io.agentlifecycle.core.KillSwitch;
import io.agentlifecycle.core.Lease;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An agent that is stopped in the middle of its work. Its loop calls one tool after the other under a lease; while a tool is
 * at work in its own thread, an admin engages the kill switch in another one. The callback of the lease tells the tool, before
 * the admin's call returns, and nothing that the agent asks for afterwards is let through.
 */
public final class KillSwitchStop {
    private static final AgentId AGENT = AgentId.of("agent:mailbox");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final List<String> TASKS =
            List.of("look for old mails", "make a list of them", "delete them", "report what was done");

    private final LifecycleManager manager;
    private final CountDownLatch deleting = new CountDownLatch(1);
    private final CountDownLatch told = new CountDownLatch(1);
    private final AtomicBoolean wasTold = new AtomicBoolean();

    private KillSwitchStop(LifecycleManager manager) {
        this.manager = manager;
    }

    /** Stops an agent and lets it go; takes no arguments. */
    public static void main(String[] args) throws Exception {
        var policy = LifecyclePolicy.builder().requireApproval(false).build();
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(policy).build()) {
            manager.requestProvisioning(ProvisioningRequest.builder("Mailbox Agent")
                    .id(AGENT)
                    .owner("alice@company.com")
                    .build());
            manager.activate(AGENT);
            new KillSwitchStop(manager).run();
        }
    }

    private void run() throws InterruptedException {
        Thread loop = new Thread(this::work, "the agent's loop");
        loop.start();
        deleting.await();
        KillSwitch kills = manager.killSwitch();
        long stopped = kills.engage(kills.agent(AGENT), "it deletes what it should keep", ADMIN);
        boolean toldBeforeThat = wasTold.get();
        loop.join();
        System.out.println(
                "admin: stopped " + stopped + " agent, and its tool was told before that returned: " + toldBeforeThat);

        refuse("more work", () -> manager.guard().require(AGENT, Operation.INVOKE));
        refuse("credential", () -> manager.rotateCredentials(AGENT));
        kills.release(kills.agent(AGENT), ReleaseAuthority.ADMIN, "it keeps a copy now", ADMIN);
        System.out.println("admin: released it, and the agent is what it was: "
                + manager.get(AGENT).state());
        manager.guard().require(AGENT, Operation.INVOKE);
        System.out.println("agent: begins anew");
    }

    /** What a framework does for an agent: one tool after the other, and a look at the lease before each. */
    private void work() {
        try (Lease lease = manager.guard().lease(AGENT, Operation.INVOKE, Drain.CANCEL, this::stop)) {
            for (String task : TASKS) {
                lease.require();
                call(task);
            }
            System.out.println("agent: done");
        } catch (AccessDeniedException e) {
            System.out.println("agent: may not go on: " + e.verdict().reasons());
        }
    }

    /** Called in the thread of whoever stops the agent: it tells the tool, and does not wait for it. */
    private void stop(Verdict.Denied denied) {
        wasTold.set(true);
        told.countDown();
    }

    /** A tool. That which deletes takes so long that it has to be told. */
    private void call(String task) {
        System.out.println("agent: " + task);
        if (task.equals("delete them")) {
            deleting.countDown();
            try {
                told.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            System.out.println("tool:  told to stop, with mails left that nobody deletes now");
        }
    }

    private static void refuse(String what, Runnable call) {
        try {
            call.run();
            throw new IllegalStateException("the agent got " + what);
        } catch (AccessDeniedException e) {
            System.out.println("agent: gets no " + what + ": " + e.verdict().reasons());
        } catch (PolicyViolationException e) {
            System.out.println("agent: gets no " + what + ": rule " + e.rule());
        }
    }
}
