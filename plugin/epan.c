/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark loads for dissection: registration, nothing else.
 */
#include <epan/packet.h>
#include <epan/proto.h>
#include <ws_symbol_export.h>

#include "../dissector/ca/icert.h"
#include "../dissector/compat.h"
#include "../dissector/crp/crp.h"
#include "../dissector/log/log.h"
#include "../dissector/scep/scep.h"
#include "view/annotate.h"
#include "view/export_objects.h"

/* Read by Wireshark before anything else (wsutil/plugins.c): without them, or for another release, it does not load the
 * plugin. */
WS_DLL_PUBLIC_DEF const char plugin_version[] = SCEPSHARK_VERSION;
WS_DLL_PUBLIC_DEF const int  plugin_want_major = COMPAT_MAJOR;
WS_DLL_PUBLIC_DEF const int  plugin_want_minor = COMPAT_MINOR;

WS_DLL_PUBLIC void     plugin_register(void);
WS_DLL_PUBLIC uint32_t plugin_describe(void);

/* What the plugin is, as 4.4 asks and 4.0 does not: a dissector (wsutil/plugins.h, WS_PLUGIN_DESC_DISSECTOR). */
uint32_t
plugin_describe(void)
{
    return 1;
}

static void
register_protocols(void)
{
    proto_register_scep();
    proto_register_crp();
    proto_register_icert();
    proto_register_log();
    export_objects_register();
    annotate_register();
}

static void
hand_off(void)
{
    proto_reg_handoff_scep();
    proto_reg_handoff_crp(); /* after SCEP: it stands before it where both share a media type */
    proto_reg_handoff_icert();
    annotate_handoff();
}

void
plugin_register(void)
{
    static proto_plugin scepshark;

    scepshark.register_protoinfo = register_protocols;
    scepshark.register_handoff = hand_off;
    proto_register_plugin(&scepshark);
}
