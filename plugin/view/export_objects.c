/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * File > Export Objects > SCEP: certificates (.cer), opened requests (.p10), PKI messages (.p7m).
 */
#include "export_objects.h"

#include <epan/export_object.h>
#include <epan/packet.h>
#include <epan/tap.h>

#include "../../dissector/scep/scep.h"

/* Longest part of a name that comes from a packet. */
#define MAX_PART 60

/* A part of a file name: what a file system may not like becomes '_'. */
static char *
name_part(const char *text)
{
    char *part = g_strndup(text, MAX_PART);

    for (char *c = part; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("=-+@.", *c))
            *c = '_';
    }
    return part;
}

/* Adds an object named "FRAME-WHAT-OF.SUFFIX". `name` and `of` come from the packet; `of` may be NULL. */
static void
add_object(export_object_list_t *list, const scep_record *record, const char *what, const char *of, const char *suffix,
           const char *content_type, const void *data, size_t length)
{
    export_object_entry_t *entry = g_new0(export_object_entry_t, 1);
    char                  *part = name_part(of ? of : "");

    entry->pkt_num = record->frame;
    entry->content_type = g_strdup(content_type);
    entry->filename = g_strdup_printf("%06u-%s%s%s.%s", record->frame, what, *part ? "-" : "", part, suffix);
    entry->payload_len = length;
    entry->payload_data = g_memdup2(data, length);
    g_free(part);
    list->add_entry(list->gui_data, entry);
}

static void
add_message(export_object_list_t *list, const scep_tap_data *tapped)
{
    const scep_record  *record = tapped->record;
    const scep_message *message = record->message;
    const char         *type = try_val_to_str(message->message_type, scep_message_types);
    char               *what = name_part(message->has_message_type && type ? type : "pkiMessage");
    guint               length = tvb_captured_length(tapped->body);

    what[strcspn(what, "_")] = '\0';
    add_object(list, record, what, message->transaction_id, "p7m", "application/x-pki-message",
               tvb_get_ptr(tapped->body, 0, (gint)length), length);
    if (record->request) {
        uint8_t *request = g_memdup2(record->opened.data, record->opened.length);

        if (!tapped->show_secrets)
            scep_request_mask_password(request, record->opened.length);
        add_object(list, record, what, message->transaction_id, "p10", "application/pkcs10", request,
                   record->opened.length);
        g_free(request);
    }
    g_free(what);
}

static tap_packet_status
add_objects(void *tapdata, packet_info *pinfo _U_, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    export_object_list_t *list = tapdata;
    const scep_tap_data  *tapped = data;
    const scep_record    *record = tapped->record;
    unsigned              count = record->certificates ? wmem_array_get_count(record->certificates) : 0;

    if (record->message && tapped->body)
        add_message(list, tapped);
    for (unsigned i = 0; i < count; i++) {
        const scep_certificate *certificate = *(scep_certificate **)wmem_array_index(record->certificates, i);
        char                   *what = g_strdup_printf("%s-%u", record->operation_name, i + 1);

        add_object(list, record, what, certificate->subject, "cer", "application/pkix-cert", certificate->der.data,
                   certificate->der.length);
        g_free(what);
    }
    return TAP_PACKET_REDRAW;
}

void
export_objects_register(void)
{
    register_export_object(proto_get_id_by_filter_name("scep"), add_objects, NULL);
}
