/** The page with the forms that the browser fills. */

/**
 * @param action where the multipart form goes
 * @returns HTML without any character beyond ASCII, so that it is the same in every charset
 */
export function page(action: string): string {
  return `<!doctype html>
<title>Forms</title>
<form id="multipart" method="post" enctype="multipart/form-data" action="${action}">
  ${fields}
  <input type="file" name="photos" multiple>
  <input type="file" name="nothing">
  <button>Send</button>
</form>
<form id="urlencoded" method="post" action="/echo">
  ${fields}
  <input type="file" name="photos" multiple>
  <button>Send</button>
</form>
<form id="plain" method="post" enctype="text/plain" action="/echo">
  ${fields}
  <button>Send</button>
</form>`
}

const fields = `
  <input type="hidden" name="_charset_">
  <input name="title">
  <textarea name="story"></textarea>
  <input type="checkbox" name="news">
  <input type="checkbox" name="colour" value="red">
  <input type="checkbox" name="colour" value="green">
  <input type="checkbox" name="colour" value="blue">
  <select name="size" multiple><option>S<option>M<option>L</select>`
