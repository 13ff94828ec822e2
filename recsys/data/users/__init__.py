"""Users: what is known of them besides what they did, and what must not be known.

users_table, user_profiles   the user table, read and checked; its values as groups of users
ages, stages                 dates of users as ages; between two stages of a user an age changes
pseudonyms                   keyed hashes in place of ids
forget                       users who are forgotten
"""
