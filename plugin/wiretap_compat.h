/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The only place that knows the releases of libwiretap, for plugin/wiretap.c and captures/match/, and what it keeps to
 * itself. A file reader needs `struct wtap` and some exported functions, but the headers that declare them are not
 * installed (wiretap/wtap-int.h, and wsutil/file_util.h, without which wiretap/file_wrappers.h does not compile). They
 * change with each minor release, so the known ones are told apart here, and no other compiles.
 */
#ifndef SCEPSHARK_WIRETAP_COMPAT_H
#define SCEPSHARK_WIRETAP_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include <wiretap/wtap.h>
#include <wiretap/wtap_opttypes.h>
#include <wsutil/buffer.h>
#include <ws_version.h>

#if WIRESHARK_VERSION_MAJOR != 4 || (WIRESHARK_VERSION_MINOR != 0 && WIRESHARK_VERSION_MINOR != 4)
#error "scepshark knows libwiretap 4.0 and 4.4; for another release, compare this header with its wtap-int.h"
#endif

/* The release that the plugin is built for, and the only one it loads into. */
#define COMPAT_MAJOR WIRESHARK_VERSION_MAJOR
#define COMPAT_MINOR WIRESHARK_VERSION_MINOR

#if WIRESHARK_VERSION_MINOR == 0
typedef gboolean compat_bool;
#else
typedef bool compat_bool;
#endif

/* An open file, down to the last member that a reader sets; it is libwiretap that allocates it. */
struct wtap {
    FILE_T       fh;
    FILE_T       random_fh; /* NULL when nobody will want a record again */
    compat_bool  ispipe;
    int          file_type_subtype;
    unsigned     snapshot_length;
    GArray      *shb_hdrs;
#if WIRESHARK_VERSION_MINOR == 4
    GArray      *shb_iface_to_global;
#endif
    GArray      *interface_data; /* of wtap_block_t */
    unsigned     next_interface_data;
    GArray      *nrbs;
    GArray      *dsbs;
#if WIRESHARK_VERSION_MINOR == 4
    GArray      *meta_events;
#endif
    char        *pathname;
    void        *priv; /* the reader's; freed with g_free() after subtype_close() */
    void        *wslua_data;
    compat_bool (*subtype_read)(wtap *wth, wtap_rec *rec, Buffer *buffer, int *err, char **err_info, int64_t *offset);
    compat_bool (*subtype_seek_read)(wtap *wth, int64_t offset, wtap_rec *rec, Buffer *buffer, int *err,
                                     char **err_info);
    void        (*subtype_sequential_close)(wtap *wth); /* before `fh` is closed */
    void        (*subtype_close)(wtap *wth);
    int          file_encap;
    int          file_tsprec;
};

/* Whether this Wireshark has the same layout: what lies behind everything else is where Wireshark itself finds it. */
static inline bool
compat_wtap_fits(wtap *wth)
{
    return wth->file_encap == wtap_file_encap(wth) && wth->file_tsprec == wtap_file_tsprec(wth);
}

/* --- what programs that read and write captures see change --- */

#if WIRESHARK_VERSION_MINOR == 0

/* It writes the verdict of a packet in a way that no program can read, itself least of all. */
#define COMPAT_WRITES_VERDICTS false

/* Behind address and name in the parameters of what is told about hosts. */
#define COMPAT_HOST_PARAMETERS

/* How many interfaces of the file come before those of a section; `known` are those known when its first record came. */
static inline unsigned
compat_first_interface(wtap *wth G_GNUC_UNUSED, unsigned section G_GNUC_UNUSED, unsigned known)
{
    return known;
}

#else

#define COMPAT_WRITES_VERDICTS true
#define COMPAT_HOST_PARAMETERS , const bool is_static G_GNUC_UNUSED

static inline unsigned
compat_first_interface(wtap *wth, unsigned section, unsigned known G_GNUC_UNUSED)
{
    return wtap_file_get_shb_global_interface_id(wth, section, 0);
}

#endif

/* --- what a file reader uses --- */

WS_DLL_PUBLIC int64_t file_seek(FILE_T file, int64_t offset, int whence, int *err);
WS_DLL_PUBLIC int64_t file_tell(FILE_T file);
WS_DLL_PUBLIC int     file_read(void *octets, unsigned size, FILE_T file);
WS_DLL_PUBLIC int     file_error(FILE_T file, char **err_info);
WS_DLL_PUBLIC void    wtap_add_generated_idb(wtap *wth);

#endif
