-- A renewal moves due_at, which is indexed, so each index of subscriptions takes an entry for the row's new version. Where keys came in their order
-- pages are full: in every subscription's first renewal each was searched for entries to delete, and then split (measured: 5 of the 92
-- microseconds that an invoice of a billing run takes a backend). So the indexes whose keys stay as they are have room for one version more, which
-- vacuum keeps from then on. Pages that are there already stay as they are until they split, or until REINDEX.
ALTER INDEX billd.subscriptions_pkey SET (fillfactor = 50);
ALTER INDEX billd.subscriptions_list SET (fillfactor = 50);
ALTER INDEX billd.subscriptions_one_live SET (fillfactor = 50);
