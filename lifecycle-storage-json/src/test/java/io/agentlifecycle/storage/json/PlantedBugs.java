package io.agentlifecycle.storage.json;

import java.util.List;

/** Defects that a store of this kind may have, and which test notices each of them. */
final class PlantedBugs {
    static final List<PlantedBugsTest.Bug> ALL = List.of(
            new PlantedBugsTest.Bug(
                    "a commit is acknowledged before it is written",
                    "CommitQueue",
                    "        while (batch.fate() == Batch.Fate.PENDING) {\n            settled.awaitUninterruptibly();\n        }\n        return switch (batch.fate()) {",
                    "        return switch (Batch.Fate.DURABLE) {",
                    "FaultTest#a_write_that_fails_is_answered_with_full_and_the_store_goes_on"),
            new PlantedBugsTest.Bug(
                    "nothing is ever forced",
                    "SegmentWriter",
                    "        out.force();\n        durable = new Position(",
                    "        durable = new Position(",
                    "JsonStoreInMemoryTest#c4_what_was_acknowledged_survives_a_crash"),
            new PlantedBugsTest.Bug(
                    "a force that failed is tried again",
                    "SegmentWriter",
                    "        out.force();\n        durable = new Position(",
                    "        try {\n            out.force();\n        } catch (IOException e) {\n            out.force();\n        }\n        durable = new Position(",
                    "FaultTest#a_failed_force_tells_those_behind_it_that_nothing_of_theirs_was_written"),
            new PlantedBugsTest.Bug(
                    "a force that failed is passed over",
                    "SegmentWriter",
                    "        out.force();\n        durable = new Position(",
                    "        try {\n            out.force();\n        } catch (IOException e) {\n            LOG.warn(\"never mind\", e);\n        }\n        durable = new Position(",
                    "FaultTest#a_failed_force_tells_those_behind_it_that_nothing_of_theirs_was_written"),
            new PlantedBugsTest.Bug(
                    "the name of a new segment is not durable",
                    "SegmentWriter",
                    "            io.forceDirectory(directory);\n            return Optional.of",
                    "            return Optional.of",
                    "JsonStoreInMemoryTest#c4_what_was_acknowledged_survives_a_crash"),
            new PlantedBugsTest.Bug(
                    "a manifest is written in its place",
                    "Disk",
                    "        write(io, temporary, bytes);\n        io.replace(temporary, file);",
                    "        deleteIfThere(io, file);\n        write(io, file, bytes);",
                    "CrashTest#a_store_of_the_first_format_is_upgraded_whatever_a_power_cut_leaves"),
            new PlantedBugsTest.Bug(
                    "the bytes of a new file are not durable",
                    "Disk",
                    "            writeAll(out, ByteBuffer.wrap(bytes));\n            out.force();",
                    "            writeAll(out, ByteBuffer.wrap(bytes));",
                    "JsonStoreInMemoryTest#c4_what_was_acknowledged_survives_a_crash"),
            new PlantedBugsTest.Bug(
                    "the names of audit files are not durable",
                    "Checkpoint",
                    "        io.forceDirectory(folder);\n        return written;",
                    "        return written;",
                    "CrashTest#a_store_of_the_first_format_is_upgraded_whatever_a_power_cut_leaves"),
            new PlantedBugsTest.Bug(
                    "the bytes of audit files are not durable",
                    "AuditWriter",
                    "        flush();\n        out.force();",
                    "        flush();",
                    "CrashTest#a_store_of_the_first_format_is_upgraded_whatever_a_power_cut_leaves"),
            new PlantedBugsTest.Bug(
                    "files are removed before the manifest is durable",
                    "Checkpoint",
                    "        next.write(io, directory);",
                    "        clean(next);\n        next.write(io, directory);",
                    "CrashTest#a_store_of_the_first_format_is_upgraded_whatever_a_power_cut_leaves"),
            new PlantedBugsTest.Bug(
                    "a short write is taken for a whole one",
                    "Disk",
                    "        while (bytes.hasRemaining()) {\n            empty",
                    "        if (bytes.hasRemaining()) {\n            empty",
                    "FaultTest#a_disk_that_takes_a_few_bytes_at_a_time_gets_all_of_them"),
            new PlantedBugsTest.Bug(
                    "lines are not chained",
                    "Segment",
                    "line.seq() != expected || !line.prev().equals(crc)",
                    "line.seq() != expected",
                    "DamageTest#a_sound_line_that_another_one_does_not_follow_is_refused_at_each_place"),
            new PlantedBugsTest.Bug(
                    "a checksum may be written in capitals",
                    "LineReader",
                    "!stored.equals(\",\\\"crc\\\":\\\"\" + crc + \"\\\"}\")",
                    "!stored.equalsIgnoreCase(\",\\\"crc\\\":\\\"\" + crc + \"\\\"}\")",
                    "DamageTest#a_checksum_in_capitals_is_another_one"),
            new PlantedBugsTest.Bug(
                    "a tail is torn whatever says that it was durable",
                    "Segment",
                    "repeated || line.durable() > bad || at == bad && line.durable() >= bad",
                    "repeated",
                    "DamageTest#a_line_that_is_missing_doubled_or_swapped_is_noticed_at_each_place"),
            new PlantedBugsTest.Bug(
                    "a tail is cut and not kept",
                    "Recovery",
                    "            Quarantine.keep(io, directory, segment.file().getFileName() + \"-\" + scan.cut(), tail);\n",
                    "",
                    "CrashTest#what_is_cut_off_is_in_quarantine_before_it_is_gone_from_the_journal"),
            new PlantedBugsTest.Bug(
                    "what is kept of a torn tail has no durable name",
                    "Quarantine",
                    "        io.forceDirectory(quarantine);",
                    "        io.exists(quarantine);",
                    "CrashTest#what_is_cut_off_is_in_quarantine_before_it_is_gone_from_the_journal"),
            new PlantedBugsTest.Bug(
                    "what an opening read may not be durable",
                    "Recovery",
                    "                out.truncate(scan.cut());\n            }\n            out.force();",
                    "                out.truncate(scan.cut());\n            }",
                    "FaultTest#what_an_opening_read_from_the_page_cache_survives_a_power_cut_after_it"),
            new PlantedBugsTest.Bug(
                    "a damaged snapshot is read",
                    "Snapshot",
                    "            throw new IllegalArgumentException(\"its digest does not fit\");",
                    "            return;",
                    "RefusalTest#a_snapshot_that_is_gone_or_damaged_is_not_needed_while_the_journal_goes_back_far_enough"),
            new PlantedBugsTest.Bug(
                    "a commit is seen before it is durable",
                    "Journal",
                    "            out.write(batch.bytes());\n",
                    "            batch.commits().forEach(early -> contents.apply(early.commit().mutations(), early.commit().at()));\n            out.write(batch.bytes());\n",
                    "CountsTest#a_conflict_is_answered_once_the_winner_is_durable"),
            new PlantedBugsTest.Bug(
                    "a record that ends too early is more than damage",
                    "Cursor",
                    "if (end <= at || text.charAt(at) != '{' || text.charAt(end - 1) != '}') {",
                    "if (end == Integer.MAX_VALUE) {",
                    "DamageTest#a_record_of_a_snapshot_that_ends_where_its_body_should_begin_is_damage"),
            new PlantedBugsTest.Bug(
                    "checks are not compared",
                    "CommitQueue",
                    "commit.conflicts(this::newest)",
                    "new Commit(commit.requestId(), commit.at(), List.of(), commit.mutations(), commit.events()).conflicts(this::newest)",
                    "JsonStoreInMemoryTest#c2_every_check_is_compared_wherever_it_stands"),
            new PlantedBugsTest.Bug(
                    "a conflict is answered before the winner is durable",
                    "CommitQueue",
                    "                        || conflicts.keySet().stream().anyMatch(unwritten::containsKey)\n",
                    "",
                    "CountsTest#a_conflict_is_answered_once_the_winner_is_durable"),
            new PlantedBugsTest.Bug(
                    "versions are compared with what is durable only",
                    "CommitQueue",
                    "return waiting == null ? contents.state().version(key) : waiting;",
                    "return contents.state().version(key);",
                    "CountsTest#a_conflict_is_answered_once_the_winner_is_durable"),
            new PlantedBugsTest.Bug(
                    "a request may be used again for something else",
                    "CommitQueue",
                    "done.get().digest().equals(digest)",
                    "!digest.isEmpty()",
                    "JsonStoreInMemoryTest#c7_a_request_id_that_was_used_for_other_content_is_rejected"),
            new PlantedBugsTest.Bug(
                    "a store that has failed goes on",
                    "CommitQueue",
                    "                if (failure.isPresent()) {\n                    return failed();\n                }\n",
                    "",
                    "JsonStoreInMemoryTest#c14_after_a_failure_of_durability_nothing_is_written_any_more"),
            new PlantedBugsTest.Bug(
                    "what a full disk took is not cut off",
                    "SegmentWriter",
                    "        out.truncate(durable.size());\n        out.force();",
                    "        out.force();",
                    "FaultTest#a_write_that_fails_is_answered_with_full_and_the_store_goes_on"),
            new PlantedBugsTest.Bug(
                    "a full disk stops the store",
                    "Journal",
                    "            giveUp(batch, e);",
                    "            queue.fail(e, Optional.of(batch), Batch.Fate.UNKNOWN);",
                    "FaultTest#a_write_that_fails_is_answered_with_full_and_the_store_goes_on"),
            new PlantedBugsTest.Bug(
                    "a lock that is gone is not noticed",
                    "StoreLock",
                    "if (!lock.isValid() || !present.equals(identity)) {",
                    "if (!lock.isValid()) {",
                    "StoreLockTest#a_lock_that_was_removed_or_replaced_is_not_held"),
            new PlantedBugsTest.Bug(
                    "the file of the lock is opened a second time",
                    "StoreLock",
                    "        String claim = identity(directory);\n",
                    "        String claim = identity(directory);\n        FileChannel.open(directory.resolve(NAME), WRITE, java.nio.file.StandardOpenOption.CREATE).close();\n",
                    "StoreLockTest#whoever_comes_second_is_refused_and_hears_who_is_first"),
            new PlantedBugsTest.Bug(
                    "a snapshot says that it goes further than it does",
                    "Journal",
                    "contents.picture(out.segment().firstSeq() - 1, out.prev())",
                    "contents.picture(out.segment().firstSeq(), out.prev())",
                    "GoldenTest#the_newest_format_is_still_written"),
            new PlantedBugsTest.Bug(
                    "requests are forgotten with the journal",
                    "Snapshot",
                    "                contents.requests().add(request.id(), request.done());\n",
                    "                request.id();\n",
                    "RefusalTest#a_record_of_a_kind_that_nobody_knew_is_in_the_snapshot_too"),
            new PlantedBugsTest.Bug(
                    "heartbeats are forgotten with the journal",
                    "Snapshot",
                    "            contents.state().heartbeats(heartbeats);\n",
                    "",
                    "RefusalTest#a_record_of_a_kind_that_nobody_knew_is_in_the_snapshot_too"),
            new PlantedBugsTest.Bug(
                    "the latest time is forgotten with the journal",
                    "Snapshot",
                    "            head.optionalInstant(\"clockHighWater\").ifPresent(contents::noteTime);",
                    "            head.optionalInstant(\"clockHighWater\");",
                    "GoldenTest#the_newest_format_is_still_written"),
            new PlantedBugsTest.Bug(
                    "events of the newest segment do not reach the audit segment",
                    "AuditWriter",
                    "                    for (JournalShelf shelf : shelves) {",
                    "                    for (JournalShelf shelf : shelves.subList(0, shelves.size() - 1)) {",
                    "GoldenTest#the_newest_format_is_still_written"),
            new PlantedBugsTest.Bug(
                    "the journal is removed up to the newest snapshot",
                    "Checkpoint",
                    "segments.get(i).firstSeq() <= manifest.journalFrom()",
                    "segments.get(i).firstSeq() <= manifest.snapshot().orElseThrow().seqTo() + 1",
                    "RefusalTest#a_snapshot_that_is_gone_or_damaged_is_not_needed_while_the_journal_goes_back_far_enough"),
            new PlantedBugsTest.Bug(
                    "an older snapshot stands in for a journal that is gone",
                    "Recovery",
                    "        requireJournalAfterSnapshot();\n",
                    "",
                    "StoreFilesTest#a_file_that_is_missing_is_named"),
            new PlantedBugsTest.Bug(
                    "a damaged index hides a stream",
                    "AuditSegment",
                    "!io.exists(index.file()) || !Disk.sha256(io, index.file()).equals(reference.indexSha256())",
                    "!io.exists(index.file())",
                    "StoreFilesTest#a_damaged_index_is_refused_when_it_is_needed_and_can_be_made_anew"),
            new PlantedBugsTest.Bug(
                    "a manifest is read whatever its checksum says",
                    "Manifest",
                    "if (!stored.equals(LineWriter.crc(bytes, 0, bytes.length - LineReader.TAIL))) {",
                    "if (stored.isEmpty()) {",
                    "StoreFilesTest#nothing_that_is_damaged_in_any_file_goes_unnoticed"),
            new PlantedBugsTest.Bug(
                    "a missing manifest means an empty store",
                    "Recovery",
                    "            } else if (!harmless.contains(name)) {",
                    "            } else if (name.isEmpty()) {",
                    "RefusalTest#a_manifest_that_is_gone_is_no_reason_to_start_empty"),
            new PlantedBugsTest.Bug(
                    "a new store's own name is not durable",
                    "Recovery",
                    "        Disk.forceNames(io, directory);\n",
                    "",
                    "RoundTripTest#a_record_that_was_purged_may_come_again"),
            new PlantedBugsTest.Bug(
                    "a repair cuts before it says so",
                    "Repair",
                    "        seen.recovered()\n                .manifest()\n                .repaired(",
                    "        remove(seen, later);\n        seen.recovered()\n                .manifest()\n                .repaired(",
                    "StoreFilesTest#a_repair_that_is_cut_short_loses_nothing_without_saying_so"),
            new PlantedBugsTest.Bug(
                    "a backup ends before what was durable",
                    "Backup",
                    "durable.size());",
                    "durable.size() - 1);",
                    "BesideTest#each_backup_under_load_is_a_store_of_its_time"),
            new PlantedBugsTest.Bug(
                    "an erasure is forgotten before the files are written anew",
                    "Recovery",
                    "            contents.log().erase(line.seq(), erase);",
                    "            contents.log().erase(0, erase);",
                    "ErasureFaultTest#a_checkpoint_that_cannot_be_made_is_told_and_what_was_erased_is_hidden_all_the_same"),
            new PlantedBugsTest.Bug(
                    "what was erased stays in files of disclosures",
                    "AuditWriter",
                    "                                        .filter(found -> !removals.hide(found))\n",
                    "",
                    "DisclosureTest#what_was_erased_stands_in_no_file_and_other_files_stay_as_they_are"),
            new PlantedBugsTest.Bug(
                    "a link is followed",
                    "Premises",
                    "if (io.isLink(entry)) {",
                    "if (io.isLink(entry) && !io.exists(entry)) {",
                    "PremisesTest#a_link_in_the_place_of_any_entry_is_refused"),
            new PlantedBugsTest.Bug(
                    "a network file system is taken for a local one",
                    "Premises",
                    "if (NETWORKS.contains(type) ||",
                    "if (NETWORKS.contains(\"\") ||",
                    "PremisesTest#a_network_file_system_is_refused_before_anything_is_made(java.lang.String)"));

    private PlantedBugs() {}
}
