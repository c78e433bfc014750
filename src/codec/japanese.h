/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CODEC_JAPANESE_H
#define HINOMI_CODEC_JAPANESE_H

#include "base/buf.h"

/*
 * Japanese text in the encodings that logs in Japan still use, to UTF-8: code page 932 (Shift_JIS with the NEC and IBM rows), EUC-JP and ISO-2022-JP
 * (with its halfwidth katakana). Which one is decided by the bytes of the one text: by what is assigned at all, then by what Japanese text is made
 * of (kana, no lone halfwidth katakana). Text in another eight-bit encoding is refused rather than turned into kanji. Pure, thread-safe, O(n).
 */
enum japanese { JAPANESE_NOT, JAPANESE_CP932, JAPANESE_EUC, JAPANESE_ISO2022 };

enum japanese japanese_detect(struct str s);
/* Appends s as UTF-8. False and nothing appended when it is none of them (plain ASCII included). */
bool japanese_to_utf8(struct str s, struct buf *out);

#endif
