package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Conduct;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.store.RecordKey;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** All that can be said of one agent at once, in texts that take the most room, still makes a record that can be read. */
class RecordSizeTest {
    private static final int ROOM = 524_288;

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(LifecyclePolicy.builder()
            .approvalStages(Stage.people("security", 64))
            .fourEyes(true)
            .build());

    /** Quotes take two characters in JSON. */
    private static String widest(int number, int length) {
        return number + "\"".repeat(length - Integer.toString(number).length());
    }

    private static Actor person(int number) {
        return Actor.human(widest(number, 256));
    }

    /** The widest request whose event is not too long. */
    private void ask() {
        for (int tags = 64; ; tags--) {
            var request = Workshop.request(ID.value()).purpose(widest(0, 4_096)).requestedBy(person(0));
            for (int i = 0; i < tags; i++) {
                request.tag("tag" + i, widest(i, 256));
            }
            try {
                manager.requestProvisioning(request.build());
                return;
            } catch (PolicyViolationException e) {
                assertThat(e.rule()).isEqualTo("event-size");
            }
        }
    }

    @Test
    void an_agent_of_which_the_most_is_known_can_be_read() {
        ask();
        for (int i = 0; i < Agent.MOST_CO_OWNERS; i++) {
            manager.owners().addCoOwner(ID, Owner.of(widest(i, 256)), ADMIN);
        }
        while (manager.get(ID).approval().involved().size() < ApprovalRequest.MOST_INVOLVED) {
            manager.changeOwner(ID, widest(manager.get(ID).approval().involved().size(), 256), ADMIN);
        }
        for (int i = 0; i < Vote.MOST; i++) {
            manager.approvals().advise(ID, Ballot.approve(widest(i, 1_024)), person(100 + i));
        }
        String shown = manager.approvals().status(ID).shown();
        for (int i = 1; i < Vote.MOST; i++) {
            manager.approvals().vote(ID, Ballot.approve(widest(i, 1_024)).onSeeing(shown), person(500 + i));
        }
        for (int i = 0; i < Holds.MOST; i++) {
            HoldReason reason = HoldReason.of("r".repeat(48) + i);
            HoldTerms terms = HoldTerms.of(widest(i, 1_024))
                    .releasedBy(ReleaseAuthority.ADMIN)
                    .until(shop.clock.instant().plus(Duration.ofDays(1)));
            manager.placeHold(ID, reason, terms, person(200));
            manager.releaseHold(ID, reason, ReleaseAuthority.ADMIN, person(201));
        }
        for (int i = 0; i < LegalHold.MOST; i++) {
            manager.placeLegalHold(ID, widest(i, 128), person(300));
        }
        for (Incident.Kind kind : Incident.Kind.values()) {
            for (int i = 0; i < Conduct.MOST; i++) {
                manager.quarantines().report(ID, new Incident(kind, Severity.LOW, widest(i, 1_024)), person(400));
            }
        }

        int length = shop.store
                .get(RecordKey.agent(manager.get(ID).key()))
                .orElseThrow()
                .body()
                .length();
        assertThat(length).as("what such an agent takes").isBetween(ROOM / 2, ROOM * 3 / 4);
        assertThat(manager.get(ID).holds().all().stream()
                        .filter(hold -> hold.agreed().isPresent()))
                .hasSize(Holds.MOST);
        shop.close(manager);
        assertThat(shop.open(LifecyclePolicy.builder().build()).query(AgentQuery.all()))
                .hasSize(1);
    }
}
