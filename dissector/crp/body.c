/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the body of a call to the registration point, or of its answer, says: JSON (RFC 8259), XML 1.0, or an error page
 * of IIS, with certificates and PKCS #10 requests in base64 (RFC 4648, RFC 7468).
 *
 * One walker for each form gives values with the names they stand under, without building a structure: what a body says
 * is told even when it is cut or damaged, and a secret in it is found. (libwsutil's JSON drops a string that does not
 * end.)
 */
#include "body.h"

#include <string.h>

#include <glib.h>

#include "scep/certificate.h"
#include "scep/query.h"
#include "text.h"

/* Longer values are cut to these: base64 and challenges, the others, and names that values stand under. */
#define MAX_ENCODED (64u << 10)
#define MAX_TEXT    1024
#define MAX_NAME    256

/* A line of base64 that is followed by another one is not shorter. */
#define MIN_LINE 60

/* As many numbers in a row may be the octets of a request. */
#define MIN_NUMBERS 64

/* So often GnuTLS is asked; then it is in doubt what a value is. */
#define MAX_ATTEMPTS (4 * CRP_MAX_ITEMS)

/* With more secrets than this the last span takes what lies between them too. */
#define MAX_SECRETS (4 * CRP_MAX_ITEMS)

/* A value that a walker found. */
typedef struct {
    const char *name;         /* what it stands under, as normalise() leaves it; or "" */
    size_t      start, end;
    crp_escapes escapes;
    bool        is_bare;      /* of JSON: no string */
    bool        is_open;      /* the body ends within it */
    bool        in_challenge; /* it is a part of a challenge, whatever its own name is */
} named_value;

/* What a body is read with, as long as crp_body_read() runs. */
typedef struct {
    wmem_allocator_t *scope;
    wmem_allocator_t *passing; /* of what GnuTLS says */
    const uint8_t    *data;
    size_t            length;
    bool              is_answer;
    crp_body         *body;
    unsigned          attempts; /* at reading DER */
    size_t            values;
    int               by_code;  /* `verified` as Intune's code would have it */
    int               alone;    /* likewise a boolean that is the only value */
} reader;

static crp_cursor
cursor_of(const reader *in, size_t start, size_t end, crp_escapes escapes)
{
    crp_cursor at = { .data = in->data, .at = start, .end = end, .escapes = escapes };

    return at;
}

/* The name at the cursor in lower case, without what people put between words. */
static void
normalise(crp_cursor in, char name[MAX_NAME])
{
    size_t   length = 0, start;
    gunichar character;

    while (length + 1 < MAX_NAME && crp_text_next(&in, &character, &start)) {
        if (character != '_' && character != '-' && character != ' ')
            name[length++] = character < 0x80 ? g_ascii_tolower((char)character) : '?';
    }
    name[length] = '\0';
}

/* The parts of a challenge are secret too. A name that only begins so is that of a call or of its parameters. */
static bool
is_challenge_name(const char *name)
{
    return g_str_has_suffix(name, "challenge") || g_str_has_suffix(name, "password") ||
           g_str_has_suffix(name, "challenges") || g_str_has_suffix(name, "passwords");
}

/* Values */

static void
add_secret(reader *in, size_t start, size_t end)
{
    crp_span  secret = { (uint32_t)start, (uint32_t)(end - start) };
    unsigned  count = wmem_array_get_count(in->body->secrets);
    crp_span *last = count > 0 ? wmem_array_index(in->body->secrets, count - 1) : NULL;

    if (last && (count == MAX_SECRETS || last->offset == start)) {
        size_t last_end = MAX(last->offset + last->length, end);

        last->offset = (uint32_t)MIN(last->offset, start);
        last->length = (uint32_t)last_end - last->offset;
    } else {
        wmem_array_append_one(in->body->secrets, secret);
    }
}

/* Adds an item, unless there are too many. `octets` may be empty. */
static void
add_item(reader *in, const named_value *value, crp_item_kind kind, const char *text, ber_slice octets)
{
    crp_item item = { .kind = kind, .value = text, .offset = (uint32_t)value->start,
                      .length = (uint32_t)(value->end - value->start) };

    if (kind == CRP_ITEM_CHALLENGE)
        add_secret(in, value->start, value->end);
    if (wmem_array_get_count(in->body->items) >= CRP_MAX_ITEMS) {
        in->body->is_cut = true;
        return;
    }
    if (octets.length > 0) {
        item.octets = wmem_memdup(in->scope, octets.data, octets.length);
        item.octets_length = octets.length;
    }
    wmem_array_append_one(in->body->items, item);
}

/* Marks the digits that hold the challengePassword in `octets`, which `value` is the base64 of. */
static void
add_password(reader *in, const named_value *value, const GByteArray *octets, const char *password)
{
    uint8_t *masked = g_memdup2(octets->data, octets->len);
    size_t   first = 0, last = octets->len, start = value->start, end = value->end;

    scep_request_mask_password(masked, octets->len);
    while (first < last && masked[first] == octets->data[first])
        first++;
    while (last > first && masked[last - 1] == octets->data[last - 1])
        last--;
    if (first < last) {
        while (first > 0 && octets->data[first - 1] == '*') /* a password may begin and end like its mask */
            first--;
        while (last < octets->len && octets->data[last] == '*')
            last++;
        crp_text_place(cursor_of(in, value->start, value->end, value->escapes), first * 8 / 6, (last * 8 - 1) / 6,
                       &start, &end);
        add_secret(in, start, end);
    } else if (password && *password) {
        add_secret(in, value->start, value->end);
    }
    g_free(masked);
}

/* Whether `der` may be what X.509 signs, and then what. CRP_ITEMS: neither certificate nor request. */
static crp_item_kind
signed_kind(reader *in, ber_slice der, const char **password)
{
    ber_element whole, inner;

    if (!ber_next_is(&der, BER_SEQUENCE, &whole) || !whole.complete ||
        !ber_next_is(&whole.content, BER_SEQUENCE, &inner))
        return CRP_ITEMS;
    if (in->attempts++ >= MAX_ATTEMPTS) {
        in->body->is_cut = true;
        return CRP_ITEMS;
    }
    if (ber_peek(&inner.content, BER_INTEGER)) {
        scep_request *request = scep_request_read(in->passing, whole.encoding);

        if (request) {
            *password = request->challenge_password;
            return CRP_ITEM_REQUEST;
        }
    }
    return scep_certificate_read(in->passing, whole.encoding) ? CRP_ITEM_CERTIFICATE : CRP_ITEMS;
}

static bool
is_guid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t            length = strlen(text);

    if (length == strlen(form) + 2 && text[0] == '{' && text[length - 1] == '}')
        text++;
    else if (length != strlen(form))
        return false;
    for (size_t i = 0; i < strlen(form); i++) {
        if (form[i] == 'x' ? !g_ascii_isxdigit(text[i]) : text[i] != form[i])
            return false;
    }
    return true;
}

/* 1 of true, 0 of false, -1 of anything else. */
static int
truth_of(const char *text)
{
    return g_ascii_strcasecmp(text, "true") == 0 ? 1 : g_ascii_strcasecmp(text, "false") == 0 ? 0 : -1;
}

/* What is known by the name that it stands under; the first that fits counts. */
static const struct {
    const char   *name;
    bool          is_part; /* the name need only contain it */
    crp_item_kind kind;
} kinds[] = {
    { "challenge", true, CRP_ITEM_CHALLENGE },
    { "password", true, CRP_ITEM_CHALLENGE },
    { "transaction", true, CRP_ITEM_TRANSACTION },
    { "template", true, CRP_ITEM_TEMPLATE },
    { "thumbprint", true, CRP_ITEM_THUMBPRINT },
    { "expiration", true, CRP_ITEM_EXPIRATION },
    { "code", false, CRP_ITEM_CODE },
    { "resultcode", false, CRP_ITEM_CODE },
    { "errorcode", false, CRP_ITEM_CODE },
    { "description", false, CRP_ITEM_DESCRIPTION },
    { "errordescription", false, CRP_ITEM_DESCRIPTION },
    { "errormessage", false, CRP_ITEM_DESCRIPTION },
    { "message", false, CRP_ITEM_DESCRIPTION },          /* ASP.NET's HttpError */
    { "exceptionmessage", false, CRP_ITEM_DESCRIPTION },
    { "hresult", false, CRP_ITEM_HRESULT },
    { "lasthresult", false, CRP_ITEM_HRESULT },
    { "callerinfo", false, CRP_ITEM_CALLER },
    { "serialnumber", false, CRP_ITEM_SERIAL },
    { "certificateserialnumber", false, CRP_ITEM_SERIAL },
    { "issuingcertificateauthority", false, CRP_ITEM_AUTHORITY },
    { "certificateauthority", false, CRP_ITEM_AUTHORITY },
    { "disposition", false, CRP_ITEM_DISPOSITION },
    { "device", true, CRP_ITEM_DEVICE },
    { "user", true, CRP_ITEM_USER },
};

/* CRP_ITEMS when it is nothing that is known. */
static crp_item_kind
kind_of(const named_value *value, const char *text)
{
    if (truth_of(text) >= 0 || (value->is_bare && strcmp(text, "null") == 0))
        return CRP_ITEMS;
    if (value->in_challenge)
        return CRP_ITEM_CHALLENGE;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        crp_item_kind kind = kinds[i].kind;

        if (!(kinds[i].is_part ? strstr(value->name, kinds[i].name) != NULL
                               : strcmp(value->name, kinds[i].name) == 0))
            continue;
        if ((kind != CRP_ITEM_DEVICE && kind != CRP_ITEM_USER) || is_guid(text))
            return kind;
    }
    return CRP_ITEMS;
}

/* Takes a value that is a request or a certificate in base64, and hides another SEQUENCE: it may be a request of which
 * something is missing, or a challenge under a strange name. Returns false when there is more to look for. */
static bool
take_encoded(reader *in, const named_value *value)
{
    bool        whole, decoded = false, is_taken = false;
    crp_cursor  at = cursor_of(in, value->start, value->end, value->escapes);
    GString    *digits = crp_text_sequence(at, MAX_ENCODED, &whole);
    GByteArray *octets = digits ? scep_query_decode_message(digits->str, &decoded) : NULL;
    const char *password = NULL;

    if (octets) {
        ber_slice     rest = { octets->data, octets->len };
        ber_element   der;
        crp_item_kind kind = whole && decoded ? signed_kind(in, rest, &password) : CRP_ITEMS;

        if (kind != CRP_ITEMS && ber_next(&rest, &der)) {
            add_item(in, value, kind, wmem_strndup(in->scope, digits->str, digits->len), der.encoding);
            if (kind == CRP_ITEM_REQUEST)
                add_password(in, value, octets, password);
            is_taken = true;
        } else {
            add_secret(in, value->start, value->end);
            is_taken = kind_of(value, digits->str) != CRP_ITEM_CHALLENGE;
        }
        in->body->is_cut = in->body->is_cut || (!whole && digits->len >= MAX_ENCODED);
        g_byte_array_unref(octets);
    }
    if (digits)
        g_string_free(digits, TRUE);
    return is_taken;
}

/* Names of a boolean that is the registration point's answer; <boolean> is .NET's element of a bare one. */
static const char *const answers[] = { "verified",     "isverified",          "valid",
                                       "isvalid",      "result",              "verifyresult",
                                       "boolean",      "verifyrequestresult", "verifychallengeresult" };

static void
take_answer(reader *in, const named_value *value, const char *text)
{
    int truth = truth_of(text);

    for (size_t i = 0; i < G_N_ELEMENTS(answers) && truth >= 0 && in->body->verified < 0; i++) {
        if (strcmp(value->name, answers[i]) == 0)
            in->body->verified = truth;
    }
    if (value->is_bare)
        in->alone = truth;
    else if (value->escapes == CRP_ESCAPES_JSON && in->by_code < 0 && *text && strcmp(value->name, "code") == 0 &&
             g_ascii_strcasecmp(text, "Unknown") != 0)
        in->by_code = g_ascii_strcasecmp(text, "Success") == 0;
}

static void
take_value(reader *in, const named_value *value)
{
    crp_cursor    at = cursor_of(in, value->start, value->end, value->escapes);
    bool          is_long = false;
    char         *text;
    crp_item_kind kind;

    in->values++;
    if (value->start >= value->end || take_encoded(in, value))
        return;
    text = crp_text_copy(NULL, at, MAX_TEXT, &is_long);
    if (in->is_answer && !value->is_open)
        take_answer(in, value, text);
    kind = kind_of(value, text);
    if (kind == CRP_ITEM_CHALLENGE) {
        is_long = false;
        wmem_free(NULL, text);
        text = crp_text_copy(NULL, at, MAX_ENCODED, &is_long);
    }
    if (kind != CRP_ITEMS && *text)
        add_item(in, value, kind, wmem_strdup(in->scope, text), (ber_slice){ NULL, 0 });
    else if (memchr("{[<", text[strspn(text, " \t\r\n")], 3)) /* it may hold what a walker would find */
        add_secret(in, value->start, value->end);
    in->body->is_cut = in->body->is_cut || (is_long && kind != CRP_ITEMS);
    wmem_free(NULL, text);
}

/* JSON */

/* Takes the string whose opening quote, single or double, the cursor is at: what is within its quotes. Returns false
 * when it does not end. */
static bool
json_string(crp_cursor *in, size_t *start, size_t *end)
{
    uint8_t quote = in->data[in->at++];

    *start = in->at;
    while (in->at < in->end && in->data[in->at] != quote)
        in->at += in->data[in->at] == '\\' ? 2 : 1;
    *end = MIN(in->at, in->end);
    in->at = MIN(in->at + 1, in->end);
    return *end < in->end;
}

/* Takes a number, or a word. Returns false when it is none of JSON's. */
static bool
json_word(crp_cursor *in, size_t *start, size_t *end)
{
    static const char *const words[] = { "true", "false", "null" };
    bool                     is_number = true;
    size_t                   length;

    *start = in->at;
    do {
        is_number = is_number && in->data[in->at] != '\0' && strchr("+-.0123456789Ee", in->data[in->at]);
        in->at++;
    } while (in->at < in->end && !crp_text_is_space(in->data[in->at]) &&
             (in->data[in->at] == '\0' || !strchr("{}[],:\"'", in->data[in->at])));
    *end = in->at;
    length = *end - *start;
    for (size_t i = 0; i < G_N_ELEMENTS(words) && !is_number; i++)
        is_number = length == strlen(words[i]) && memcmp(in->data + *start, words[i], length) == 0;
    return is_number;
}

/* A value's name is that of its member; the elements of an array stand under the array's. */
static void
read_json(reader *in, size_t start)
{
    crp_cursor at = cursor_of(in, start, in->length, CRP_ESCAPES_JSON);
    char       name[MAX_NAME] = "";
    size_t     depth = 0, challenge_depth = 0; /* of the object or array that is a challenge, or 0 */
    size_t     count = 0, first_number = 0;    /* of numbers in a row */
    bool       is_whole = true, after_value = false, in_array = false;

    for (crp_text_skip_spaces(&at); at.at < at.end; crp_text_skip_spaces(&at)) {
        uint8_t octet = at.data[at.at];

        if (octet == '{' || octet == '[') {
            is_whole = is_whole && !after_value;
            depth++;
            if (challenge_depth == 0 && is_challenge_name(name))
                challenge_depth = depth;
            in_array = octet == '[';
            if (!in_array)
                *name = '\0';
            after_value = false;
            at.at++;
        } else if (octet == '}' || octet == ']') {
            is_whole = is_whole && depth > 0;
            if (depth == challenge_depth)
                challenge_depth = 0;
            if (depth > 0)
                depth--;
            *name = '\0';
            in_array = false;
            after_value = true;
            at.at++;
        } else if (octet == ',' || octet == ':') {
            is_whole = is_whole && after_value && depth > 0;
            after_value = false;
            if (octet == ',' && !in_array)
                *name = '\0';
            at.at++;
        } else {
            named_value value = { .name = name, .escapes = CRP_ESCAPES_JSON, .in_challenge = challenge_depth > 0 };

            is_whole = is_whole && !after_value;
            value.is_bare = octet != '"' && octet != '\'';
            is_whole = (value.is_bare ? json_word : json_string)(&at, &value.start, &value.end) && is_whole;
            value.is_open = value.end == at.end;
            crp_text_skip_spaces(&at);
            if (crp_text_starts(&at, ":"))
                normalise(cursor_of(in, value.start, value.end, CRP_ESCAPES_JSON), name);
            else
                take_value(in, &value);
            after_value = true;
            if (!value.is_bare)
                count = 0;
            else if (++count == 1)
                first_number = value.start;
            else if (count >= MIN_NUMBERS)
                add_secret(in, first_number, value.end);
        }
    }
    if (!is_whole || depth > 0)
        in->body->is_cut = true;
}

/* XML */

/* Takes a name up to what ends it; its part behind a namespace's prefix, normalised. Returns false for a name of XML's
 * own: xmlns and what stands in the instance namespace says nothing here. */
static bool
xml_name(reader *in, crp_cursor *at, char name[MAX_NAME])
{
    size_t start = at->at, local = at->at;

    while (at->at < at->end && !crp_text_is_space(at->data[at->at]) &&
           (at->data[at->at] == '\0' || !strchr("=/<>\"'", at->data[at->at]))) {
        if (at->data[at->at++] == ':')
            local = at->at;
    }
    normalise(cursor_of(in, local, at->at, CRP_ESCAPES_XML), name);

    crp_cursor whole = cursor_of(in, start, at->at, CRP_ESCAPES_XML);

    return !crp_text_starts(&whole, "xmlns") && !crp_text_starts(&whole, "xsi:") && !crp_text_starts(&whole, "i:");
}

/* Takes the attributes of a start tag and its end. Returns false when the body ends before. */
static bool
xml_attributes(reader *in, crp_cursor *at, bool in_challenge, bool *is_empty)
{
    char name[MAX_NAME];

    for (*is_empty = false; at->at < at->end;) {
        named_value value = { .name = name, .escapes = CRP_ESCAPES_XML, .in_challenge = in_challenge };

        crp_text_skip_spaces(at);
        if (crp_text_starts(at, ">")) {
            at->at++;
            return true;
        }
        if (crp_text_starts(at, "<"))
            return false;
        *is_empty = crp_text_starts(at, "/");

        size_t start = at->at;
        bool   is_said = xml_name(in, at, name);

        crp_text_skip_spaces(at);
        if (crp_text_starts(at, "=")) {
            at->at++;
            crp_text_skip_spaces(at);
        }
        if (crp_text_starts(at, "\"") || crp_text_starts(at, "'")) {
            const uint8_t *from = at->data + at->at + 1, *end = memchr(from, from[-1], at->end - at->at - 1);

            value.start = at->at + 1;
            value.end = end ? (size_t)(end - at->data) : at->end;
            value.is_open = !end;
            at->at = end ? value.end + 1 : at->end;
            if (is_said)
                take_value(in, &value);
        } else if (at->at == start && at->at < at->end) {
            at->at++;
        }
    }
    return false;
}

/* Takes text up to the next tag; it is a value when it is not blank. Returns false when a mark in it does not end. */
static bool
xml_text(reader *in, crp_cursor *at, const char *name, bool in_challenge)
{
    named_value value = { .name = name, .escapes = CRP_ESCAPES_XML, .in_challenge = in_challenge };
    crp_cursor  text = *at;
    bool        is_whole = true;

    for (;;) {
        const uint8_t *tag = memchr(at->data + at->at, '<', at->end - at->at);

        at->at = tag ? (size_t)(tag - at->data) : at->end;
        if (crp_text_starts(at, "<!--"))
            is_whole = crp_text_skip_past(at, "-->");
        else if (crp_text_starts(at, "<![CDATA["))
            is_whole = crp_text_skip_past(at, "]]>");
        else
            break;
    }
    text.end = at->at;
    crp_text_skip_spaces(&text);
    while (text.end > text.at && crp_text_is_space(text.data[text.end - 1]))
        text.end--;
    value.start = text.at;
    value.end = text.end;
    value.is_open = at->at == at->end;
    crp_text_skip_marks(&text);
    if (text.at < text.end)
        take_value(in, &value);
    return is_whole;
}

/* Text stands under the name of the element that began last, unless another one has ended since. */
static void
read_xml(reader *in, size_t start)
{
    crp_cursor at = cursor_of(in, start, in->length, CRP_ESCAPES_XML);
    char       name[MAX_NAME] = "";
    size_t     depth = 0, challenge_depth = 0; /* as of read_json() */
    bool       is_whole = true, is_empty;

    while (at.at < at.end) {
        bool is_end = crp_text_starts(&at, "</");

        if (at.data[at.at] != '<' || crp_text_starts(&at, "<!--") || crp_text_starts(&at, "<![CDATA[")) {
            is_whole = xml_text(in, &at, name, challenge_depth > 0) && is_whole;
            continue;
        }
        if (crp_text_starts(&at, "<?") || crp_text_starts(&at, "<!")) {
            is_whole = crp_text_skip_past(&at, ">") && is_whole;
            continue;
        }
        if (is_end) {
            is_whole = crp_text_skip_past(&at, ">") && is_whole;
        } else {
            at.at++;
            xml_name(in, &at, name);
            is_whole = is_whole && *name;
            depth++;
            if (challenge_depth == 0 && is_challenge_name(name))
                challenge_depth = depth;
            is_whole = xml_attributes(in, &at, challenge_depth > 0, &is_empty) && is_whole;
            is_end = is_empty;
        }
        if (is_end) {
            is_whole = is_whole && depth > 0;
            if (depth == challenge_depth)
                challenge_depth = 0;
            if (depth > 0)
                depth--;
            *name = '\0';
        }
    }
    if (!is_whole || depth > 0)
        in->body->is_cut = true;
}

/* Text and HTML */

/* Finds requests and certificates: runs of base64 digits, over lines that are long enough. */
static void
read_runs(reader *in, size_t start)
{
    crp_cursor  at = cursor_of(in, start, in->length, CRP_ESCAPES_URI);
    named_value run = { .name = "", .escapes = CRP_ESCAPES_URI };
    size_t      digits = 0, line = 0;
    bool        is_padded = false, more;

    do {
        gunichar character = 0;
        size_t   place;
        bool     is_armour = crp_text_starts(&at, "-----");

        more = crp_text_next(&at, &character, &place);
        if (is_armour)
            crp_text_skip_armour(&at);
        if (more && crp_text_is_digit(character) && !is_armour && !is_padded) {
            if (digits++ == 0)
                run.start = place;
            line++;
            run.end = at.at;
        } else if ((character == '\r' || character == '\n') && (line == 0 || line >= MIN_LINE) && !is_padded) {
            line = 0;
        } else if (character == '=' && digits > 0) {
            is_padded = true;
            run.end = at.at;
        } else {
            if (digits > 0)
                take_encoded(in, &run);
            if (more && is_padded && crp_text_is_digit(character) && !is_armour)
                at.at = place; /* it begins the next run */
            digits = line = 0;
            is_padded = false;
        }
    } while (more);
}

/* What follows the word in a line of a call that is no structure, a form for instance, may be the secret. */
static void
hide_lines(reader *in, size_t start)
{
    for (crp_cursor at = cursor_of(in, start, in->length, CRP_ESCAPES_URI); at.at < at.end; at.at++) {
        if (crp_text_starts_any_case(&at, "challenge"))
            at.at += strlen("challenge");
        else if (crp_text_starts_any_case(&at, "password"))
            at.at += strlen("password");
        else
            continue;

        size_t secret = at.at;

        while (at.at < at.end && !strchr("\r\n&", at.data[at.at]))
            at.at++;
        if (at.at > secret)
            add_secret(in, secret, at.at);
    }
}

/* A number of at most three digits that nothing else follows. */
static bool
short_number(crp_cursor *in, unsigned *number)
{
    size_t start = in->at;

    for (*number = 0; in->at < in->end && in->at - start < 3 && g_ascii_isdigit((char)in->data[in->at]); in->at++)
        *number = *number * 10 + in->data[in->at] - '0';
    return in->at > start && (in->at == in->end || !g_ascii_isalnum((char)in->data[in->at]));
}

/* Reads "403.16", "404", or "400.": an HTTP status with the substatus of IIS. */
static bool
read_status(reader *in, crp_cursor at)
{
    unsigned status, substatus = 0;

    if (!short_number(&at, &status) || status < 400 || status > 599)
        return false;
    if (crp_text_starts(&at, ".")) {
        at.at++;
        if (!short_number(&at, &substatus))
            substatus = 0;
    }
    in->body->status = status;
    in->body->substatus = substatus;
    return true;
}

/* The title, and the status that the page or else its title tells. */
static void
read_html(reader *in, size_t start)
{
    crp_cursor title = { 0 };
    char      *text;

    for (crp_cursor at = cursor_of(in, start, in->length, CRP_ESCAPES_XML); at.at < at.end; at.at++) {
        if (title.end == 0 && crp_text_starts_any_case(&at, "<title") && crp_text_skip_past(&at, ">")) {
            const uint8_t *end = memchr(at.data + at.at, '<', at.end - at.at);

            title = at;
            title.end = end ? (size_t)(end - at.data) : at.end;
            in->body->is_cut = in->body->is_cut || !end;
            text = crp_text_copy(NULL, title, MAX_TEXT, &in->body->is_cut);
            in->body->title = crp_text_words(in->scope, text);
            wmem_free(NULL, text);
            at.at--;
        } else if (in->body->status == 0 && crp_text_starts_any_case(&at, "HTTP Error ")) {
            crp_cursor number = at;

            number.at += strlen("HTTP Error ");
            read_status(in, number);
        }
    }
    for (size_t first = title.at; title.at < title.end && in->body->status == 0; title.at++) {
        if (title.at == first || crp_text_is_space(title.data[title.at - 1]))
            read_status(in, title);
    }
    read_runs(in, start);
}

/* Forms */

/* UTF-8 without control characters; its last character may be cut. */
static bool
is_text(reader *in, size_t start)
{
    const char *text = (const char *)in->data + start, *end;

    if (!g_utf8_validate(text, (gssize)(in->length - start), &end)) {
        if (g_utf8_get_char_validated(end, (const char *)in->data + in->length - end) != (gunichar)-2 || *end == '\0')
            return false;
        in->body->is_cut = true;
    }
    for (; text < end; text++) {
        if (((guint8)*text < ' ' && !crp_text_is_space((guint8)*text)) || *text == 0x7f)
            return false;
    }
    return true;
}

/* The truth value that the rest of the body is, quoted or not, or -1. */
static int
literal(crp_cursor at)
{
    size_t length;

    while (at.end > at.at && crp_text_is_space(at.data[at.end - 1]))
        at.end--;
    if (at.end - at.at >= 2 && at.data[at.at] == '"' && at.data[at.end - 1] == '"') {
        at.at++;
        at.end--;
    }
    length = at.end - at.at;
    return length == strlen("true") && crp_text_starts_any_case(&at, "true")     ? 1
           : length == strlen("false") && crp_text_starts_any_case(&at, "false") ? 0
                                                                                 : -1;
}

/* Whether this begins `<name` and nothing longer. */
static bool
starts_tag(crp_cursor at, const char *tag)
{
    size_t length = strlen(tag);

    return crp_text_starts_any_case(&at, tag) &&
           (at.end - at.at == length || crp_text_is_space(at.data[at.at + length]) || at.data[at.at + length] == '>');
}

static void
read_form(reader *in)
{
    crp_cursor at = cursor_of(in, 0, in->length, CRP_ESCAPES_JSON);
    bool       is_wide = crp_text_starts(&at, "\xff\xfe") || crp_text_starts(&at, "\xfe\xff") ||
                   memchr(in->data, '\0', MIN(in->length, 4)) != NULL; /* UTF-16 without its mark, in all likelihood */
    int        truth;

    if (crp_text_starts(&at, "\xef\xbb\xbf"))
        at.at += 3;
    crp_text_skip_spaces(&at);
    truth = literal(at);
    if (at.at == at.end) {
        in->body->form = CRP_BODY_EMPTY;
    } else if (truth >= 0) {
        in->body->form = CRP_BODY_LITERAL;
        in->body->verified = truth;
    } else if (!is_wide && memchr("{[\"", at.data[at.at], 3)) {
        in->body->form = CRP_BODY_JSON;
        read_json(in, at.at);
    } else if (!is_wide && (starts_tag(at, "<!DOCTYPE html") || starts_tag(at, "<html"))) {
        in->body->form = CRP_BODY_HTML;
        read_html(in, at.at);
    } else if (!is_wide && at.data[at.at] == '<') {
        in->body->form = CRP_BODY_XML;
        read_xml(in, at.at);
    } else if (!is_wide && is_text(in, at.at)) {
        in->body->form = CRP_BODY_TEXT;
        if (!in->is_answer)
            hide_lines(in, at.at);
        read_runs(in, at.at);
    } else {
        in->body->form = CRP_BODY_OTHER;
        add_secret(in, 0, in->length);
    }
}

void
crp_body_read(wmem_allocator_t *scope, const uint8_t *data, size_t length, bool is_answer, crp_body *body)
{
    reader in = { .scope = scope, .data = data, .length = length, .is_answer = is_answer, .body = body };

    memset(body, 0, sizeof *body);
    body->verified = in.by_code = in.alone = -1;
    body->items = wmem_array_new(scope, sizeof(crp_item));
    body->secrets = wmem_array_new(scope, sizeof(crp_span));
    if (length == 0)
        return;
    if (length > CRP_MAX_BODY) {
        in.length = CRP_MAX_BODY;
        body->is_cut = true;
    }
    in.passing = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    read_form(&in);
    wmem_destroy_allocator(in.passing);
    if (is_answer && body->verified < 0)
        body->verified = in.by_code >= 0 ? in.by_code : in.values == 1 && !body->is_cut ? in.alone : -1;
}

const crp_item *
crp_body_item(const crp_body *body, crp_item_kind kind)
{
    for (unsigned i = 0; i < wmem_array_get_count(body->items); i++) {
        const crp_item *item = wmem_array_index(body->items, i);

        if (item->kind == kind)
            return item;
    }
    return NULL;
}

void
crp_body_mask(const crp_body *body, uint8_t *copy, size_t length)
{
    for (unsigned i = 0; i < wmem_array_get_count(body->secrets); i++) {
        const crp_span *secret = wmem_array_index(body->secrets, i);

        if (secret->offset < length)
            memset(copy + secret->offset, '*', MIN(secret->length, length - secret->offset));
    }
    if (length > CRP_MAX_BODY)
        memset(copy + CRP_MAX_BODY, '*', length - CRP_MAX_BODY);
}
