/**
 * Tells Waybill of each save of an item and of each movement of stock.
 * A save is never refused or undone because of Waybill: what cannot be sent is kept.
 *
 * @NApiVersion 2.1
 * @NScriptType UserEventScript
 * @NModuleScope SameAccount
 */
define(['N/runtime', 'N/log', './waybill_feed'], (runtime, log, feed) => {
  const CHANGES = { create: 'create', copy: 'create', edit: 'edit', xedit: 'edit', delete: 'delete' };
  const SUBLISTS = ['item', 'inventory', 'component'];
  // Line types that have no stock of their own.
  const WITHOUT_STOCK = ['Service', 'NonInvtPart', 'OthCharge', 'Discount', 'Subtotal', 'Markup',
    'Payment', 'Description', 'Group', 'EndGroup', 'Kit', 'GiftCert', 'TaxItem', 'TaxGroup'];
  const MOST_EVENTS = 200;

  // A transaction has a date, and an item a name.
  const isItem = (saved) => Boolean(saved.getValue({ fieldId: 'itemid' }))
    && !saved.getValue({ fieldId: 'trandate' });

  const itemEvents = (saved, change) => [feed.eventOf({
    type: saved.type, id: saved.id, sku: saved.getValue({ fieldId: 'itemid' }),
  }, change)];

  /** Every item and location that a transaction names, as it is and as it was. */
  const stockEvents = (versions) => {
    const found = new Map();
    versions.forEach((saved) => {
      const places = ['location', 'transferlocation']
        .map((fieldId) => saved.getValue({ fieldId })).filter(Boolean);
      // What an assembly build makes stands in its head.
      const made = saved.getValue({ fieldId: 'item' });
      if (made) places.forEach((place) => found.set(`${made}:${place}`, { item: made, place }));
      SUBLISTS.forEach((sublistId) => {
        const count = Math.max(0, saved.getLineCount({ sublistId }) || 0);
        for (let line = 0; line < count; line += 1) {
          const at = (fieldId) => saved.getSublistValue({ sublistId, fieldId, line });
          const item = at('item');
          if (!item || WITHOUT_STOCK.includes(at('itemtype'))) continue;
          const own = at('location');
          const here = own ? [own] : places;
          (here.length ? here : ['']).forEach((place) => found.set(`${item}:${place}`, { item, place }));
        }
      });
    });
    return [...found.values()].map(({ item, place }) => feed.eventOf(
      { type: 'inventoryItem', id: item }, 'stock', place,
    ));
  };

  const eventsOf = (context) => {
    const versions = [context.newRecord, context.oldRecord].filter(Boolean);
    // An inline edit brings nothing but the fields that were changed.
    const item = versions.find(isItem);
    if (item) return itemEvents(item, CHANGES[context.type] || 'edit');
    return stockEvents(versions);
  };

  const send = (events) => {
    const url = runtime.getCurrentScript().getParameter({ name: 'custscript_waybill_event_url' });
    for (let start = 0; start < events.length; start += MOST_EVENTS) {
      const batch = events.slice(start, start + MOST_EVENTS);
      if (!url || !feed.push(url, batch, 'user_event')) batch.forEach(feed.keep);
    }
  };

  const afterSubmit = (context) => {
    try {
      send(eventsOf(context));
    } catch (error) {
      log.error({ title: 'A change was not told to Waybill', details: error.message });
    }
  };

  return { afterSubmit };
});
