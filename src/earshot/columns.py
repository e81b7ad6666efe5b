"""Column names of every table, once."""

USER_ID = "user_id"
SONG_ID = "song_id"
ARTIST_ID = "artist_id"
ARTIST = "artist"
TITLE = "title"
GENRES = "genres"
TAGS = "tags"
AUDIO = "audio"
WITHDRAWN = "withdrawn"
PLAY_COUNT = "play_count"
PLAYED_AT = "played_at"
FIRST_PLAYED_AT = "first_played_at"
LAST_PLAYED_AT = "last_played_at"
"""Unix seconds; null where no play of the pair says when."""
KIND = "kind"
"""Of feedback: like, unlike, dislike, skip or exclude."""
LIKE, UNLIKE, DISLIKE, EXCLUDE = "like", "unlike", "dislike", "exclude"
"""Of feedback, in `kind`: the listener's plays of the song do not count."""
AT = "at"
ALBUM = "album"
TRACK = "track"
YEAR = "year"
VERSION_OF = "version_of"
"""The song_id of which a song is another version."""

DELIVERY = "delivery"
SOURCE = "source"
AUDIO_MD5 = "audio_md5"
RECORDING = "recording"
SECONDS = "seconds"
DECODER = "decoder"
CHANNEL = "channel"
SILENCES = "silences"
DAMAGE = "damage"
REASON = "reason"
RECORDING_MBID = "recording_mbid"
"""A recording's MusicBrainz id."""
PATH = "path"

FILE = "file"
ROW = "row"
COLUMN = "column"
VALUE = "value"
LINE = "line"
WANTED = "wanted"
ROWS = "rows"
"""How many delivered rows were added up."""

USER = "user"
"""Row of a user in `users.parquet`."""
ITEM = "item"
"""Row of a song in `items.parquet`."""

SHARD = "shard"
FIRST_FRAME = "first_frame"
N_FRAMES = "n_frames"

COLD = "cold"
VALIDATION = "validation"
N_LISTENERS = "n_listeners"
HEARD = "heard"
"""Whether a song has a sound that the encoder heard."""
UNLIKE = "unlike"
"""Whether that is unlike anything trained on."""

RANK = "rank"
SCORE = "score"
RELEASE = "release"
BY = "by"
"""What a song's place is made of: its sound, its plays, or both."""
NOTE = "note"

SONG_COLUMNS = (
    *(SONG_ID, ARTIST_ID, ARTIST, TITLE, GENRES, TAGS, AUDIO, WITHDRAWN),
    *(ALBUM, TRACK, YEAR, RECORDING_MBID, PATH, VERSION_OF),
)
"""Of a delivery's songs.csv."""
A_YEAR = r"[0-9]{4}(?:\.0|-[0-9]{2}(?:-[0-9]{2}.*)?)?"
"""How the column `year` may say a year: four digits, also of a date or of a number with a point."""
NO_YEAR = ("", "0", "0.0")


def split_names(text: str) -> set[str]:
    """The names in a `;`-separated text, as `genres` and `tags` hold them.

    >>> sorted(split_names("Rock; Deep House;"))
    ['Deep House', 'Rock']
    """
    return {name.strip() for name in text.split(";")} - {""}


def genre_names(text: str) -> set[str]:
    """As `split_names`, without regard to case: `"Rock; Deep House"` names rock and deep house."""
    return {name.casefold() for name in split_names(text)}
