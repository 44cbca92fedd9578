package io.agentlifecycle.storage.json;

import java.util.List;

/** Defects that a store of this kind may have, and which test notices each of them. */
final class PlantedBugs {
    static final List<PlantedBugsTest.Bug> ALL = List.of(
            new PlantedBugsTest.Bug(
                    "a commit is acknowledged before it is durable",
                    "Journal",
                    "        try {\n            force(batch);",
                    "        queue.durable(batch, shelf, new Position(out.segment(), batch.end(), out.durable().seq() + batch.lines(), batch.lastCrc()));\n        try {\n            force(batch);",
                    "?"),
            new PlantedBugsTest.Bug(
                    "nothing is ever forced",
                    "SegmentWriter",
                    "        out.force();\n        durable = new Position(",
                    "        durable = new Position(",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a force that failed is tried again",
                    "SegmentWriter",
                    "        out.force();\n        durable = new Position(",
                    "        try {\n            out.force();\n        } catch (IOException e) {\n            out.force();\n        }\n        durable = new Position(",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the name of a new segment is not durable",
                    "SegmentWriter",
                    "            io.forceDirectory(directory);\n            return Optional.of",
                    "            return Optional.of",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the name of a new manifest is not durable",
                    "Disk",
                    "        io.replace(temporary, file);\n        io.forceDirectory(file.getParent());",
                    "        io.replace(temporary, file);",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the bytes of a new file are not durable",
                    "Disk",
                    "            writeAll(out, ByteBuffer.wrap(bytes));\n            out.force();",
                    "            writeAll(out, ByteBuffer.wrap(bytes));",
                    "?"),
            new PlantedBugsTest.Bug(
                    "files are removed before the manifest is durable",
                    "Checkpoint",
                    "        next.write(io, directory);",
                    "        clean(next);\n        next.write(io, directory);",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a short write is taken for a whole one",
                    "Disk",
                    "            empty = out.write(bytes) > 0 ? 0 : empty + 1;",
                    "            empty = out.write(bytes) > 0 ? 0 : empty + 1;\n            bytes.position(empty == 0 ? bytes.limit() : bytes.position());",
                    "?"),
            new PlantedBugsTest.Bug(
                    "lines are not chained",
                    "Segment",
                    "line.seq() != expected || !line.prev().equals(crc)",
                    "line.seq() != expected",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a checksum may be written in capitals",
                    "LineReader",
                    "!stored.equals(\",\\\"crc\\\":\\\"\" + crc + \"\\\"}\")",
                    "!stored.equalsIgnoreCase(\",\\\"crc\\\":\\\"\" + crc + \"\\\"}\")",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a tail is torn whatever says that it was durable",
                    "Segment",
                    "repeated || line.durable() > bad || at == bad",
                    "repeated || at == bad",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a line that was lost looks like a torn tail",
                    "Segment",
                    "line.durable() > bad || at == bad && line.durable() >= bad",
                    "line.durable() > bad",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a tail is cut and not kept",
                    "Recovery",
                    "            Quarantine.keep(io, directory, segment.file().getFileName() + \"-\" + scan.cut(), tail);\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "what an opening read may not be durable",
                    "Recovery",
                    "                out.truncate(scan.cut());\n            }\n            out.force();",
                    "                out.truncate(scan.cut());\n            }",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a damaged snapshot is read",
                    "Snapshot",
                    "            throw new IllegalArgumentException(\"its digest does not fit\");",
                    "            return;",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a commit is seen before it is durable",
                    "Journal",
                    "            out.write(batch.bytes());\n",
                    "            batch.commits().forEach(early -> contents.apply(early.commit().mutations(), early.commit().at()));\n            out.write(batch.bytes());\n",
                    "?"),
            new PlantedBugsTest.Bug(
                    "versions are compared with what is durable only",
                    "CommitQueue",
                    "long current = newest == null ? contents.state().version(key) : newest;",
                    "long current = contents.state().version(key);",
                    "?"),
            new PlantedBugsTest.Bug(
                    "checks are not compared",
                    "CommitQueue",
                    "            expect(check.key(), check instanceof Check.Version version ? version.version() : 0, conflicts);",
                    "            check.key();",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a conflict is answered before the winner is durable",
                    "CommitQueue",
                    "                        || conflicts.keySet().stream().anyMatch(unwritten::containsKey)\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the same request twice is stored twice",
                    "CommitQueue",
                    "underWay.containsKey(commit.requestId())\n                        ||",
                    "false\n                        ||",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a store that has failed goes on",
                    "CommitQueue",
                    "                if (failure.isPresent()) {\n                    return failed();\n                }\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "what waits is dropped when the store is closed",
                    "CommitQueue",
                    "if (failure.isPresent() || open.isEmpty() && !nudged) {",
                    "if (failure.isPresent() || closing || open.isEmpty() && !nudged) {",
                    "?"),
            new PlantedBugsTest.Bug(
                    "what a full disk took is not cut off",
                    "SegmentWriter",
                    "        out.truncate(durable.size());\n        out.force();",
                    "        out.force();",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a full disk is answered and what waits behind it is not",
                    "CommitQueue",
                    "            open.fate(Batch.Fate.FULL);\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a snapshot says that it goes further than it does",
                    "Journal",
                    "contents.picture(out.segment().firstSeq() - 1, out.prev())",
                    "contents.picture(out.segment().firstSeq(), out.prev())",
                    "?"),
            new PlantedBugsTest.Bug(
                    "requests are forgotten with the journal",
                    "Snapshot",
                    "                contents.requests().add(request.id(), request.done());\n",
                    "                request.id();\n",
                    "?"),
            new PlantedBugsTest.Bug(
                    "heartbeats are forgotten with the journal",
                    "Snapshot",
                    "            contents.state().heartbeats(heartbeats);\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the time of the last commit is forgotten with the journal",
                    "Snapshot",
                    "            head.optionalInstant(\"clockHighWater\").ifPresent(contents::noteTime);",
                    "            head.optionalInstant(\"clockHighWater\");",
                    "?"),
            new PlantedBugsTest.Bug(
                    "events of the newest segment do not reach the audit segment",
                    "Checkpoint",
                    "if (bytes > auditBytes || i == shelves.size() - 1) {\n                written.add(AuditWriter.write(io, directory, first, shelf.end() - 1, some));",
                    "if (bytes > auditBytes || i == shelves.size() - 1) {\n                written.add(AuditWriter.write(io, directory, first, shelf.end() - 1, some.subList(0, some.size() - 1)));",
                    "?"),
            new PlantedBugsTest.Bug(
                    "the journal is removed up to the newest snapshot",
                    "Checkpoint",
                    "segments.get(i).firstSeq() <= manifest.journalFrom()",
                    "segments.get(i).firstSeq() <= manifest.snapshot().orElseThrow().seqTo() + 1",
                    "?"),
            new PlantedBugsTest.Bug(
                    "an older snapshot stands in for a journal that is gone",
                    "Recovery",
                    "        requireJournalAfterSnapshot();\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a damaged index hides a stream",
                    "AuditSegment",
                    "!io.exists(index.file()) || !Disk.sha256(io, index.file()).equals(reference.indexSha256())",
                    "!io.exists(index.file())",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a manifest is read whatever its checksum says",
                    "Manifest",
                    "if (!stored.equals(LineWriter.crc(bytes, 0, bytes.length - LineReader.TAIL))) {",
                    "if (stored.isEmpty()) {",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a journal of another store is read",
                    "Recovery",
                    "if (!open.storeId().equals(manifest.storeId())) {",
                    "if (open.storeId().isEmpty()) {",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a missing manifest means an empty store",
                    "Recovery",
                    "} else if (!name.equals(\"LOCK\") && !name.equals(\"LOCK.info\") && !name.equals(Manifest.NAME + \".tmp\")) {",
                    "} else if (name.isEmpty()) {",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a new store's directory is not durable",
                    "Premises",
                    "                io.forceDirectory(made.getParent());\n",
                    "",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a lock that is gone is not noticed",
                    "Journal",
                    "            directoryLock.ensureHeld();\n",
                    "            Thread.onSpinWait();\n            if (directory == null) throw new IOException();\n",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a repair cuts before it says so",
                    "Repair",
                    "        seen.recovered()\n                .manifest()\n                .repaired(",
                    "        remove(seen, later);\n        seen.recovered()\n                .manifest()\n                .repaired(",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a backup ends before what was durable",
                    "Backup",
                    "Disk.copy(io, directory.resolve(last), target.resolve(last), durable.size());",
                    "Disk.copy(io, directory.resolve(last), target.resolve(last), Math.max(0, durable.size() - 1));",
                    "?"),
            new PlantedBugsTest.Bug(
                    "a backup has files that are not durable",
                    "Disk",
                    "                at += read;\n            }\n            out.force();",
                    "                at += read;\n            }",
                    "?"));

    private PlantedBugs() {}
}
