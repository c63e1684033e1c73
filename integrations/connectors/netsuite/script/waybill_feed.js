/**
 * The change feed of Waybill: what both of its scripts share.
 * docs/netsuite-script.md in Waybill says what is promised and how to install it.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/https', 'N/crypto', 'N/crypto/random', 'N/encode', 'N/record', 'N/runtime', 'N/log'],
  (https, crypto, random, encode, record, runtime, log) => {
    const SECRET = 'custsecret_waybill_feed';
    const KEPT = 'customrecord_waybill_event';
    const BODY = 'custrecord_waybill_event_body';

    /** Times leave in UTC, to the second. */
    const written = (moment) => `${moment.toISOString().slice(0, 19)}Z`;

    /** What happened to one item; `location` only for movements of stock. */
    const eventOf = (item, change, location) => {
      const event = {
        id: random.generateUUID(),
        record: item.type,
        record_id: String(item.id),
        sku: item.sku || '',
        change,
        at: written(new Date()),
      };
      if (location) event.location = String(location);
      return event;
    };

    const sign = (stamp, body) => {
      const key = crypto.createSecretKey({ secret: SECRET, encoding: encode.Encoding.UTF_8 });
      const hmac = crypto.createHmac({ algorithm: crypto.HashAlg.SHA256, key });
      hmac.update({ input: `${stamp}.${body}`, inputEncoding: encode.Encoding.UTF_8 });
      // NetSuite writes the digits in capitals.
      return `sha256=${hmac.digest({ outputEncoding: encode.Encoding.HEX }).toLowerCase()}`;
    };

    /** Sends events in one request; says whether Waybill has them for good. */
    const push = (url, events, source) => {
      const now = new Date();
      const stamp = String(Math.floor(now.getTime() / 1000));
      const body = JSON.stringify({
        version: 1,
        account: runtime.accountId,
        source,
        sent_at: written(now),
        events,
      });
      try {
        const answer = https.post({
          url,
          body,
          headers: {
            'Content-Type': 'application/json',
            'X-Waybill-Delivery': random.generateUUID(),
            'X-Waybill-Timestamp': stamp,
            'X-Waybill-Signature': sign(stamp, body),
          },
        });
        if (answer.code >= 200 && answer.code < 300) return true;
        log.error({ title: 'Waybill did not take the events', details: `HTTP ${answer.code}` });
      } catch (error) {
        log.error({ title: 'Waybill could not be reached', details: error.message });
      }
      return false;
    };

    /** Keeps an event in the account until the scheduled script could send it. */
    const keep = (event) => {
      const kept = record.create({ type: KEPT });
      kept.setValue({ fieldId: BODY, value: JSON.stringify(event) });
      kept.save();
    };

    return { BODY, KEPT, eventOf, keep, push };
  });
