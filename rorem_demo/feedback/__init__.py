"""Feedback: what people said of results, kept durably and published to a Hub dataset.

    answer -> Desk -> Store (SQLite, pictures beside it) -> receipt shown
                        |
                     Publisher -> shard -> child process -> one commit -> marked published

An answer is a rating of one result or a vote on a blind pair; both go the same way, each into files of its own kind
(see `kinds`). It is on disk before it is thanked for. Events are immutable: a change of mind on a rating is a new one
that supersedes the old, a vote is final, a deletion removes rows and leaves a tombstone. A batch is frozen under a name
made from its content before anything is sent; sending is noted before it begins, so whoever finds a batch `sending`
after a crash asks the dataset what arrived instead of guessing. What was published stays published under that name
until a deletion or `compact` rewrites its shard, with `parent_commit`, so that two replicas never undo each other.

The dataset:

    README.md                        the card, written by the publisher
    data/ratings/YYYY-MM/NAME.parquet   shards of ratings, never appended to: the configuration `default`
    data/pairs/YYYY-MM/NAME.parquet     the same of votes: the configuration `pairs`
    deleted/NAME.jsonl               tombstones: {"id", "receipt", "deleted"}; readers drop rows with such a `receipt`
    purges/NAME.json                 revisions that died when history was rewritten
"""
