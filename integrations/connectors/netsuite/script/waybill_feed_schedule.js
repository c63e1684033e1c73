/**
 * Sends Waybill what could not be sent at once, oldest first.
 *
 * @NApiVersion 2.1
 * @NScriptType ScheduledScript
 * @NModuleScope SameAccount
 */
define(['N/record', 'N/runtime', 'N/search', './waybill_feed'], (record, runtime, search, feed) => {
  const MOST_EVENTS = 200;
  // A batch costs one request and one deletion for each of its events.
  const UNITS_OF_A_BATCH = 1000;

  const oldest = () => search.create({
    type: feed.KEPT,
    columns: [search.createColumn({ name: 'internalid', sort: search.Sort.ASC }), feed.BODY],
  }).run().getRange({ start: 0, end: MOST_EVENTS });

  const execute = () => {
    const script = runtime.getCurrentScript();
    const url = script.getParameter({ name: 'custscript_waybill_schedule_url' });
    while (url && script.getRemainingUsage() > UNITS_OF_A_BATCH) {
      const rows = oldest();
      if (!rows.length) return;
      const events = rows.map((row) => JSON.parse(row.getValue({ name: feed.BODY })));
      if (!feed.push(url, events, 'scheduled')) return;
      rows.forEach((row) => record.delete({ type: feed.KEPT, id: row.id }));
    }
  };

  return { execute };
});
